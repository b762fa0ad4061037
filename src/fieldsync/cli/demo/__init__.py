"""`fieldsync demo`: an org with people, data and history; everything running; and Sarah's story, told and checked."""
