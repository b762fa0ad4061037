"""The offline engine: an encrypted file, a queue of edits, and the merge of what the server sends.

Synchronous and steppable: nothing in it starts a thread or reads a clock by itself. It knows the server only through
`protocol`, and imports no server library.
"""

from fieldsync.device.device import Device
from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.record import Mark, Record
from fieldsync.device.status.widget import Widget, WidgetState

__all__ = ["Device", "Mark", "QueueEntry", "Record", "Widget", "WidgetState"]
