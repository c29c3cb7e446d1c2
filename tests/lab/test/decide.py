# SPDX-License-Identifier: Apache-2.0
"""Which row of the decision table each partnership of the lab falls under, worked out from what
Exchange and Graph answer: the lab's population has to reach every row.

A third implementation of the table beside the agent's; it reads nothing of the lab's control
surface.
"""
from labclient import text

PLAN = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"


def join(box, users, sids):
    """objectSid, then immutable id, then an address that only one user has."""
    sid = sids.get(box["Guid"])
    for u in users:
        if sid and u.get("onPremisesSecurityIdentifier") == sid:
            return u
    for u in users:
        if u.get("onPremisesImmutableId") and u["onPremisesImmutableId"] == box["#immutable"]:
            return u
    mine = {a.lower() for a in box["EmailAddresses"]}
    found = [u for u in users if mine & {a.lower() for a in u.get("proxyAddresses", [])}]
    return found[0] if len(found) == 1 else None


def record(device, user, managed):
    """none, ambiguous, easonly, retiring or managed, and the record."""
    key = device["DeviceId"].strip().lower()
    hits = [m for m in managed if m["easDeviceId"].lower() == key] if key.isalnum() else []
    live = [m for m in hits if m["managementAgent"] != "eas"]
    if not live:
        return ("easonly" if hits else "none"), None
    phones = {(m["serialNumber"], m["userId"]) for m in live}
    if len(phones) > 1:
        return "ambiguous", None
    best = max(live, key=lambda m: (m["managementState"] == "managed", m["lastSyncDateTime"]))
    if best["userId"] != user["id"]:
        return "none", None
    if best["managementState"] not in ("managed", "unhealthy"):
        return "retiring", best
    return "managed", best


def row(device, box, user, managed, include, exclude, *, now, override=False, hma=False,
        unsupported_default=False, strict=False, level="Allow"):
    licensed = user and any(p["servicePlanId"] == PLAN and p["capabilityStatus"] == "Enabled"
                            for p in user["assignedPlans"])
    if not licensed:
        return "D03"
    if user["id"] not in include:
        return "D04"
    if user["id"] in exclude:
        return "D05"
    if device["DeviceId"] in box["ActiveSyncBlockedDeviceIDs"]:
        return "D06"
    if device["DeviceId"] in box["ActiveSyncAllowedDeviceIDs"]:
        return "D07"
    if hma and device["DeviceType"] in ("OutlookService", "Outlook"):
        return "D08"
    kind, m = record(device, user, managed)
    known = device["DeviceType"].startswith(("iPhone", "iPad", "Samsung", "Android", "Windows"))
    if unsupported_default and not known and kind in ("none", "easonly"):
        return "D09"
    if kind == "ambiguous":
        return "D10"
    if kind in ("none", "easonly"):
        return "D11"
    if kind == "retiring":
        return "D12"
    active = m["easActivated"] or m["deviceRegistrationState"] == "registered"
    if strict and not active and m["operatingSystem"] in ("iOS", "iPadOS", "Android"):
        return "D13"
    state = m["complianceState"]
    if state in ("noncompliant", "conflict", "error"):
        return "D14"
    if state == "unknown" and m["enrolledDateTime"] > now:
        return "D15"
    if state in ("unknown", "configManager"):
        return "D16"
    if override:
        return "D17"
    return "D19" if level == "Allow" else "D18"


__all__ = ["join", "record", "row", "text"]
