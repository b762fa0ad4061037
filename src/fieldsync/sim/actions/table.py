"""How often each action is chosen: one visible table, and the draw."""

from __future__ import annotations

from fieldsync.sim.actions import admin, at_work, days, disasters, online, saving, syncing
from fieldsync.sim.actions.acting import Action
from fieldsync.sim.device import SimDevice
from fieldsync.sim.world import SimWorld


def burst(world: SimWorld, device: SimDevice) -> None:
    """Some saves in a row, as in a visit."""
    for _ in range(3 + world.chance.below(4)):
        drawn(world, SAVES)(world, device)


SAVES: tuple[tuple[int, Action], ...] = (
    (14, saving.create_call),
    (16, saving.edit_account),
    (3, saving.refuse_account),
    (3, saving.create_account),
    (9, saving.edit_call),
    (7, saving.edit_family),
    (3, saving.submit_call),
    (3, saving.delete_call),
    (6, saving.order),
    (6, saving.depot),
    (6, saving.stall),
    (1, saving.bad_save),
)
ACTIONS: tuple[tuple[int, Action], ...] = (
    (480, burst),
    (340, syncing.network),
    (30, syncing.sync),
    (8, syncing.verify),
    (10, syncing.refresh),
    (20, syncing.upload_only),
    (20, at_work.save_during_sync),
    (30, syncing.look),
    (30, syncing.undo),
    (30, syncing.resend),
    (50, syncing.way),
    (90, syncing.wait),
    (40, online.online_edit),
    (30, online.online_call),
    (12, online.online_account),
    (12, saving.submit_elsewhere),
    (20, online.align),
    (6, online.change_rule),
    (4, online.change_model),
    (8, online.merge_accounts),
    (40, admin.act),
    (6, admin.try_one),
    (5, admin.clear_errors),
    (6, admin.revoke),
    (30, admin.sign_in),
    (5, disasters.restart_server),
    (8, disasters.end_connections),
    (14, disasters.jump_clock),
    (1, disasters.expire_tokens),
    (5, disasters.back_up),
    (6, disasters.old_image),
)
"""How often each is chosen, in proportion."""


AT_MONTH_END: tuple[tuple[int, Action], ...] = (
    (900, burst),
    (30, syncing.undo),
    (30, syncing.way),
    (20, syncing.wait),
    (10, online.online_edit),
    (3, online.align),
    (7, disasters.jump_clock),
)
"""Everybody works and nobody is connected: the whole queue goes up when the run ends."""


def drawn(world: SimWorld, table: tuple[tuple[int, Action], ...]) -> Action:
    """One of the table, by weight."""
    at = world.chance.below(sum(weight for weight, _ in table))
    for weight, action in table:
        if at < weight:
            return action
        at -= weight
    raise AssertionError("the weights add up")


FOCUS = 5


def act_offline(world: SimWorld, made: days.Days) -> None:
    """One step of a run in which nobody is connected."""
    device = days.chosen(world, made)
    device.transport.connected = False
    world.faults.device = device.ordinal
    action = drawn(world, AT_MONTH_END)
    if action is syncing.wait:
        days.wait(world, device, made)
    else:
        action(world, device)
    world.did[action.__name__] += 1


def act(world: SimWorld, made: days.Days, focus: tuple[str, ...] = ()) -> None:
    """One step of the run: a device and what happens on it, or around it; what is in focus happens more often."""
    device = days.chosen(world, made)
    table = tuple((weight * max(1, FOCUS * focus.count(one.__name__)), one) for weight, one in ACTIONS)
    action = drawn(world, table)
    if world.chance.below(2):
        action = made.due(device) or action
    world.faults.device = device.ordinal
    if action is syncing.wait:
        days.wait(world, device, made)
    else:
        action(world, device)
    world.did[action.__name__] += 1
