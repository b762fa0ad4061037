"""Approved e-mails: queued with their record, judged and sent by a job, the outcome written on the record."""
