"""The offline engine: an encrypted file, a queue of edits, and the merge of what the server sends.

Synchronous and steppable: nothing in it starts a thread or reads a clock by itself. It knows the server only through
`protocol`, and imports no server library.
"""

from fieldsync.device.device import Device
from fieldsync.device.edit import Edit
from fieldsync.device.queue.entry import QueueEntry
from fieldsync.device.queue.states import State
from fieldsync.device.record import Mark, Record
from fieldsync.device.status.events import (
    ErrorRaised,
    Event,
    NewsWaiting,
    ProgressChanged,
    QueueChanged,
    RecordsChanged,
)
from fieldsync.device.status.notices import Notice
from fieldsync.device.status.preparation import Preparation, PreparationState
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger
from fieldsync.device.status.widget import Phase, Widget, WidgetState
from fieldsync.device.sync.account import Account
from fieldsync.device.sync.sending.foreground import Network
from fieldsync.device.transport import Reply, Transport, Unreachable
from fieldsync.device.view import View
from fieldsync.protocol.session import DeviceDescription

__all__ = [
    "Account",
    "Device",
    "DeviceDescription",
    "Edit",
    "ErrorRaised",
    "Event",
    "Mark",
    "Network",
    "NewsWaiting",
    "Notice",
    "Phase",
    "Preparation",
    "PreparationState",
    "ProgressChanged",
    "QueueChanged",
    "QueueEntry",
    "Record",
    "RecordsChanged",
    "Reply",
    "State",
    "SyncKind",
    "SyncReport",
    "Transport",
    "Trigger",
    "Unreachable",
    "View",
    "Widget",
    "WidgetState",
]
