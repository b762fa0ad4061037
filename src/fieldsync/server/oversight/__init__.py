"""What the console asks of an org: its transactions, devices and records. Nothing is changed here."""
