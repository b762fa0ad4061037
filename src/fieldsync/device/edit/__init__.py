"""One save: values checked, ids minted, rows and base images and queue entry written together.

The server is not known here. What a person may not do at all is refused before anything is written; what only the
server can judge is judged there.
"""

from fieldsync.device.edit.session import Edit

__all__ = ["Edit"]
