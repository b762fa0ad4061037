"""The table of DESIGN 7, written by hand: what becomes of an edit, by what happened on the server in the meantime.

A row: what the server did, whether the device knew, what the device did, and the policy of the edited field (`*`: any);
then the outcome for six kinds of objects. Read it with `docs/explanation/conflict-rules.md`.

plain     a record outside families               strict    a family whose conflicts are errors
override  a family: the last one to arrive wins   call      such a family; submitted, it is duplicated
order     such a family; submitted, edits of it are discarded
recreate  a record outside families that an edit brings back after it was deleted

applied    saved; the edited field has my value        both      saved; my field and their other field both live
nothing    saved; there was nothing left to write      mine      saved; my value stands, theirs is in the journal
theirs     saved; their value stands (field policy)    child     saved; the new detail is there
gone       saved; the record is deleted                conflict  refused, with the whole three-way picture
deleted    refused: it was deleted                     denied    refused: it was changed since
back       saved; it is there again, with my value and the details that went with it
locked     refused: it is submitted                    no_master refused: what it belongs to is deleted
duplicate  a duplicate has my edit, the original is as it was    discarded  nothing is written, the journal keeps mine
"""

from __future__ import annotations

KINDS = ("plain", "strict", "override", "call", "order", "recreate")

TEXT = """
server     device  edit            policy  plain     strict    override  call      order     recreate

none       seen    update_root     *       applied   applied   applied   applied   applied   applied
none       seen    update_detail   *       applied   applied   applied   applied   applied   applied
none       seen    delete_root     *       gone      gone      gone      gone      gone      gone
none       seen    delete_detail   *       gone      gone      gone      gone      gone      gone
none       seen    create          *       child     child     child     child     child     child

same       seen    update_root     *       nothing   nothing   nothing   nothing   nothing   nothing
same       unseen  update_root     *       nothing   nothing   nothing   nothing   nothing   nothing
same       seen    update_detail   *       nothing   nothing   nothing   nothing   nothing   nothing
same       unseen  update_detail   *       nothing   nothing   nothing   nothing   nothing   nothing
same       seen    delete_root     *       gone      gone      gone      gone      gone      gone
same       unseen  delete_root     *       denied    denied    gone      gone      gone      denied
same       seen    delete_detail   *       gone      gone      gone      gone      gone      gone
same       unseen  delete_detail   *       denied    denied    gone      gone      gone      denied
same       seen    create          *       child     child     child     child     child     child
same       unseen  create          *       child     child     child     child     child     child

other      seen    update_root     *       both      both      both      both      both      both
other      unseen  update_root     *       both      both      both      both      both      both
other      seen    update_detail   *       both      both      both      both      both      both
other      unseen  update_detail   *       both      both      both      both      both      both
other      seen    delete_root     *       gone      gone      gone      gone      gone      gone
other      unseen  delete_root     *       denied    denied    gone      gone      gone      denied
other      seen    delete_detail   *       gone      gone      gone      gone      gone      gone
other      unseen  delete_detail   *       denied    denied    gone      gone      gone      denied
other      seen    create          *       child     child     child     child     child     child
other      unseen  create          *       child     child     child     child     child     child

field      seen    update_root     *       applied   applied   applied   applied   applied   applied
field      unseen  update_root     error   conflict  conflict  mine      mine      mine      conflict
field      unseen  update_root     server  theirs    theirs    mine      mine      mine      theirs
field      unseen  update_root     device  mine      mine      mine      mine      mine      mine
field      seen    update_detail   *       applied   applied   applied   applied   applied   applied
field      unseen  update_detail   error   conflict  conflict  mine      mine      mine      conflict
field      unseen  update_detail   server  theirs    theirs    mine      mine      mine      theirs
field      unseen  update_detail   device  mine      mine      mine      mine      mine      mine
field      seen    delete_root     *       gone      gone      gone      gone      gone      gone
field      unseen  delete_root     *       denied    denied    gone      gone      gone      denied
field      seen    delete_detail   *       gone      gone      gone      gone      gone      gone
field      unseen  delete_detail   *       denied    denied    gone      gone      gone      denied
field      seen    create          *       child     child     child     child     child     child
field      unseen  create          *       child     child     child     child     child     child

deleted    seen    update_root     *       deleted   deleted   deleted   deleted   deleted   deleted
deleted    unseen  update_root     *       deleted   deleted   deleted   deleted   deleted   back
deleted    seen    update_detail   *       deleted   deleted   deleted   deleted   deleted   deleted
deleted    unseen  update_detail   *       deleted   deleted   deleted   deleted   deleted   back
deleted    seen    delete_root     *       gone      gone      gone      gone      gone      gone
deleted    unseen  delete_root     *       gone      gone      gone      gone      gone      gone
deleted    seen    delete_detail   *       gone      gone      gone      gone      gone      gone
deleted    unseen  delete_detail   *       gone      gone      gone      gone      gone      gone
deleted    seen    create          *       no_master no_master no_master no_master no_master no_master
deleted    unseen  create          *       no_master no_master no_master no_master no_master no_master

submitted  seen    update_root     *       both      both      both      locked    locked    both
submitted  unseen  update_root     *       both      both      both      duplicate discarded both
submitted  seen    update_detail   *       applied   applied   applied   locked    locked    applied
submitted  unseen  update_detail   *       applied   applied   applied   duplicate discarded applied
submitted  seen    delete_root     *       gone      gone      gone      locked    locked    gone
submitted  unseen  delete_root     *       denied    denied    gone      locked    locked    denied
submitted  seen    delete_detail   *       gone      gone      gone      locked    locked    gone
submitted  unseen  delete_detail   *       gone      gone      gone      locked    locked    gone
submitted  seen    create          *       child     child     child     locked    locked    child
submitted  unseen  create          *       child     child     child     duplicate discarded child

unlocked   seen    update_root     *       both      both      both      both      both      both
unlocked   unseen  update_root     *       both      both      both      both      both      both
unlocked   seen    update_detail   *       applied   applied   applied   applied   applied   applied
unlocked   unseen  update_detail   *       applied   applied   applied   applied   applied   applied
unlocked   seen    delete_root     *       gone      gone      gone      gone      gone      gone
unlocked   unseen  delete_root     *       denied    denied    gone      gone      gone      denied
unlocked   seen    delete_detail   *       gone      gone      gone      gone      gone      gone
unlocked   unseen  delete_detail   *       gone      gone      gone      gone      gone      gone
unlocked   seen    create          *       child     child     child     child     child     child
unlocked   unseen  create          *       child     child     child     child     child     child
"""

ROWS = [line.split() for line in TEXT.splitlines() if line][1:]


def expected(server: str, device: str, edit: str, policy: str, kind: str) -> str:
    """The one outcome that the table has for a case."""
    key = [server, device, edit]
    found = [row for row in ROWS if row[:3] == key and row[3] in ("*", policy)]
    assert len(found) == 1, f"the table has {len(found)} rows for {key} {policy}"
    return found[0][4 + KINDS.index(kind)]
