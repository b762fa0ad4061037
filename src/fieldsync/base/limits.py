"""Every limit of the product, with its unit in the name. A setting that an admin may change has its default here."""

from __future__ import annotations

# Requests
REQUEST_BYTES_MAX = 32 * 1024 * 1024
"""Decompressed size of any request body."""
COMPRESSED_RATIO_MAX = 200
SIGN_IN_WINDOW_SECONDS = 60
SIGN_INS_OF_NAME_MAX, SIGN_INS_OF_ADDRESS_MAX = 20, 600
"""Sign-ins with a wrong password in that time, under one user name and from one address: an office has one address."""
CONNECTIONS_MAX = 12_000
"""That one server process keeps open, streams that wait for news among them. Who comes later waits."""
IDLE_CONNECTION_SECONDS = 75
"""A connection is kept so long for its next request: longer than a device waits between two polls, which else met one
that was just being closed."""
CONNECTIONS_ARRIVING_MAX = 2_048
"""Connections that wait to be taken up, as when many devices come back at once."""

# Upload
UPLOAD_BATCH_RECORDS_MAX = 500
"""Items of one request, all its transactions together, unless one transaction alone has more."""
TRANSACTION_ITEMS_MAX = 10
"""Items a transaction may carry in one part (FEATURES B17); more travel in linked parts. A server setting."""
TRANSACTION_PARTS_MAX = 200
TRANSACTION_TOTAL_ITEMS_MAX = 2_000
UPLOAD_PART_WAIT_DAYS = 7
"""A transaction whose parts never complete is cancelled after this time."""
SAVE_WAVE_RETRIES_MAX = 3
FOLLOWING_LEVELS_MAX = 16
"""How often what a save causes may cause something again."""
HEAD_LOCK_TIMEOUT_MS = 2_000
DEADLOCK_RETRIES_MAX = 5
STATEMENT_TIMEOUT_MS = 60_000

# Jobs
JOBS_AT_ONCE_MAX = 4
"""Jobs that one server process runs together."""
JOB_RETRIES_MAX = 8
JOB_BACKOFF_BASE_SECONDS = 3
"""A failed job waits 3 seconds, then 9, 27 and so on: the eighth time almost two hours."""
LOCK_LOOK_SECONDS = 0.1
"""How long a record that was waited for in vain already is waited for again, while its person's other saves wait."""
JOB_LOCK_SECONDS = 1.0
"""How long a job waits for a record: shorter than the person's own saves wait for the job."""
LOCKED_LOOKS_MAX = 16
"""How often one request looks which of its saves meet a held record; what is not looked at then is run by a job."""
LOCK_RETRIES_MAX = 8
"""How often a transaction whose records another save holds is put off, with the pauses of a job, before it fails."""
TIMEOUT_RETRIES_MAX = 3
"""How often one that alone takes too long, or ends in an error nobody foresaw, is put off before it fails: each try
holds up its person's other saves."""
SCHEDULE_HOUR = 1
"""UTC; of the shipped schedule."""
SCHEDULE_LOOK_BACK_DAYS = 60
SCHEDULE_LOOK_BACK_DAYS_MAX = 3_650
PROCESSOR_RETRIES_MAX = 3
"""How often a schedule runs a failed transaction again. The setting Processor_Retries_Max says otherwise."""
TRANSACTION_KEEP_DAYS, TRANSACTION_KEEP_DAYS_MAX = 60, 3_650
"""How long a finished transaction is kept where no retention rule says otherwise, and the most a rule may say."""
PURGE_BATCH = 500
PURGE_BATCHES_MAX = 400
"""Transactions that are removed at once, and how often in an hour."""
STUCK_DAYS = 1
"""A transaction that was taken so long ago and never run is told of."""
JOB_CHAIN_MAX = 16
"""How often what a job saves may defer a job again."""
EMAIL_PAUSES_MINUTES = (1, 5, 30, 120, 480)
"""How long an approved e-mail that no mail server took waits before it is tried again; then it has failed."""
JOB_STOP_SECONDS = 10.0
"""How long a server that stops waits for its jobs before it gives them back to the queue."""
WORKER_STOP_SECONDS = 16.0
"""A worker takes at most so long to stop, its jobs' time and five rounds of a second for its own tasks. It is not told
again before: told twice, it leaves behind what has not ended."""
JOB_RESCUE_SECONDS = 30.0
"""A job whose process has given no sign of life for so long is given to another."""

RECOVERY_WINDOW_MINUTES = 60
"""So long after a restore what devices offer again only gathers. The setting Recovery_Window_Minutes says otherwise."""
ACKNOWLEDGED_KEEP_DAYS, ACKNOWLEDGED_SAVES_MAX = 60, 50_000
"""How long, and how many, acknowledged saves a device keeps, to offer them to a server restored from a backup."""
RECEIPT_KEEP_DAYS = 60
"""So long the outcome of a save is known after its device confirmed it: an older image of the device may be put back,
and sends it again."""

# Values
TEXT_CHARS_MAX = 131_072
TEXT_FILE_BYTES_MAX = 1_200_000
"""A text of a field that a sync rule lists, kept as a file beside its record (FEATURES L06)."""
NUMBER_DIGITS_MAX = 18
BASE64_CHARS_MAX = 1_500_000
"""A signature or other inline file, as base64 text."""
YEAR_MIN, YEAR_MAX = 1700, 4000

# Feed and wake-ups
FEED_RETENTION_DAYS = 7
FEED_PAGE_ENTRIES_MAX = 500
OPEN_SAVES_MAX = 500
"""Of so many saves a device asks at once what became of them."""
POLL_SECONDS = 30
HEARTBEAT_SECONDS = 30
STREAM_HEALTHY_SECONDS = 45
CHANGE_LOG_DAYS = 60

# Tracking
TRACKING_SYNCS_MAX = 50
"""Reports of syncs in one request; more go with the next sync."""
FAILED_LISTED_MAX = 100
"""Records of open errors a report names (FEATURES I07)."""
LOG_LINE_CHARS_MAX, LOG_LINES_MAX = 300, 4_000
"""Of a device's own log: one line, and how many it keeps that the server does not have. The oldest go first."""
LOG_LINES_SENT_MAX = 500
"""In one request; the others go with the next."""
LOG_KEEP_DAYS = 30
"""How long the server keeps what devices logged. The setting Device_Log_Days says otherwise."""

# Download
DOWNLOAD_CHUNK_ROWS = 2_000
STREAM_STALL_SECONDS = 30
"""A device that takes nothing of its stream for so long has to ask again: it holds a connection and a snapshot."""
APPLY_CHUNK_ROWS = 2_000
REFRESH_BLOCK_BYTES = 128 * 1024
"""Rows of a database refresh travel in blocks of about this size, each with a mark to go on from."""
REFRESH_STREAM_SECONDS = 120
"""A stream that takes longer ends behind a mark, so that no snapshot is held open for a slow device."""

DIGEST_ROWS_MAX = 50_000
"""Rows that a device may name in one repair; what else differs waits for the next."""

# Sync rules
CHOOSING_SECONDS_MAX = 10.0
"""So long may finding the rows of one object take, where rules changed or everything is asked for."""
ACCOUNTS_PER_DEVICE_MAX = 50_000
ACCOUNTS_PER_PHONE_MAX = 15_000
"""More accounts end a sync before anything is replaced (FEATURES A28); the setting Accounts_Max says otherwise."""
PHONES = frozenset({"iPhone", "Android"})
UNFILTERED_ROWS_MAX = 50_000
"""A rule that brings more rows of one object without a condition is warned of."""
PREVIEW_PEOPLE_PER_PROFILE = 10
CHECKED_PEOPLE_MAX = 100_000
"""People of a profile whose devices a check of all sync rules looks at, as a job."""
PREVIEW_SECONDS = 20
"""A preview of a changed rule looks at as many people as this time allows."""

# Mini sync
ONLINE_FOUND_MAX = 30
ONLINE_CHILDREN_MAX = 50
NAMES_ASKED_MAX = 1_000
NAMES_KEPT_MAX = 20_000
"""Names of records that are not on a device, of those that its records point to."""
"""Of each list on a record that is brought to a device, the newest."""

# Media
FILE_BYTES_MAX = 512 * 1024 * 1024
"""Of one record's file, whoever brings it."""
ATTACHMENT_BYTES_MAX = 25 * 1024 * 1024
"""Of a file that a person attaches on a device (FEATURES L05)."""

ROOM_BYTES = 64 * 1024 * 1024
"""What stays free on a device's disk when a file or a database is loaded."""

# Loading files
BULK_FAULTS_TOLD_MAX = 100
BULK_CHUNK_LINES = 5_000

# Device
BEAT_SECONDS = 5.0
"""A server that is still at an answer says so at least every other time that this passed (ADR 24)."""
BEATS_MAX = 60
"""So often in a row, then no more: for longer than it lets a statement run, and a stream without a row go on."""
LINE_SILENT_SECONDS = 15.0
"""A line on which a device hears nothing for so long is given up: who works would have said so."""
LINE_SLOWEST_BYTES = 2_000
"""A second. What is still to leave over a line as slow as this is waited for besides."""
BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 300.0
VIEW_LEASE_SECONDS = 60
QUEUE_TRANSACTIONS_PER_REQUEST_MAX = 500

# Sessions
OVERDUE_DAYS = 3
"""Edits pending longer than this show red; 0 is never (FEATURES H06)."""
OFFLINE_DAYS = 30
"""A device whose last download is older refreshes its database at the next sync; 0 is never (FEATURES E12)."""
OFF_WIFI_MEGABYTES = 25
IDLE_MINUTES = 60
SEND_RETRIES = 3
"""The settings Off_Wifi_Megabytes_Max, Idle_Minutes_Max and Send_Retries_Max say otherwise (FEATURES J23)."""
ACCESS_TOKEN_HOURS = 12
REFRESH_TOKEN_DAYS = 60
PASSWORD_CHARS_MIN = 12
