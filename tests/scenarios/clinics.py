"""Clinics of which Sarah may know those in Leeds, and of which her devices hold those that are kept; and visits to
them, as the scenarios of records that are not on her device have them."""

from __future__ import annotations


def clinics_pack(name: str, visits: str) -> str:
    """The pack of an org of this name. `visits`: the rest of the sync rule for visits."""
    return f"""
name: {name}
label: {name}
objects:
  - name: Clinic
    label: Clinic
    prefix: s00
    sharing: private
    shared_with: "City = 'Leeds'"
    fields: [{{name: City, type: text}}, {{name: Kept, type: checkbox}}]
  - name: Visit
    label: Visit
    prefix: s01
    fields:
      - {{name: ClinicId, type: lookup, label: Clinic, references: Clinic, children: Visits}}
sync_rules:
  - {{object: Clinic, where: 'Kept = true'}}
  - {{object: Visit{visits}}}
profiles:
  - {{name: Rep, label: Rep, objects: {{'*': [read, create, edit, delete]}}}}
"""
