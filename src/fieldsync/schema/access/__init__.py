"""Who may do what with which object and field: profiles, permission sets, and the rights a person has by them."""
