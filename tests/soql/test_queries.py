"""Whole queries, clause by clause: both databases give the same records, in any zone and fiscal year."""

from __future__ import annotations

import pytest
from tests.soql.lab import ZONES, Both, context

QUERIES = (
    "SELECT COUNT() FROM Account LIMIT 5",
    "SELECT COUNT(Name) n, COUNT_DISTINCT(Name) d, COUNT(Id) i, COUNT_DISTINCT(Revenue) r FROM Account",
    "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry ORDER BY Industry",
    (
        "SELECT Industry, SUM(Revenue) s, AVG(Revenue) a, MIN(Revenue) lo, MAX(Revenue) hi, SUM(Employees) e,"
        " AVG(Rate) r FROM Account GROUP BY Industry ORDER BY Industry DESC NULLS LAST"
    ),
    "SELECT MIN(Name) a, MAX(Name) z, MIN(Seen) s, MAX(Founded) f, MIN(Opens) o FROM Account",
    "SELECT Active, COUNT(Id) FROM Account GROUP BY Active HAVING COUNT(Id) > 3 AND Active = false",
    (
        "SELECT Name, COUNT(Id) c FROM Account GROUP BY Name HAVING COUNT(Id) > 2 AND Name > 'a'"
        " ORDER BY COUNT(Id) DESC, Name"
    ),
    "SELECT Revenue, COUNT(Id) n FROM Account GROUP BY Revenue HAVING MAX(Revenue) > 0.05 ORDER BY Revenue DESC",
    (
        "SELECT CALENDAR_YEAR(Founded) y, FISCAL_QUARTER(Founded) q, SUM(Revenue) FROM Account"
        " GROUP BY CALENDAR_YEAR(Founded), FISCAL_QUARTER(Founded)"
        " ORDER BY CALENDAR_YEAR(Founded), FISCAL_QUARTER(Founded) DESC"
    ),
    (
        "SELECT DAY_ONLY(convertTimezone(Seen)) d, COUNT(Id) n FROM Account GROUP BY DAY_ONLY(convertTimezone(Seen))"
        " ORDER BY DAY_ONLY(convertTimezone(Seen)) NULLS LAST"
    ),
    (
        "SELECT HOUR_IN_DAY(convertTimezone(Seen)) h, COUNT(Id) n FROM Account"
        " GROUP BY HOUR_IN_DAY(convertTimezone(Seen)) ORDER BY COUNT(Id), HOUR_IN_DAY(convertTimezone(Seen))"
    ),
    (
        "SELECT WEEK_IN_YEAR(Seen), DAY_IN_WEEK(Seen), COUNT(Id) FROM Account WHERE Seen != null"
        " GROUP BY WEEK_IN_YEAR(Seen), DAY_IN_WEEK(Seen)"
    ),
    (
        "SELECT Industry, Active, COUNT(Id) n, GROUPING(Industry) gi, GROUPING(Active) ga FROM Account"
        " GROUP BY ROLLUP(Industry, Active) ORDER BY GROUPING(Industry), Industry, Active"
    ),
    (
        "SELECT Industry, Active, SUM(Revenue) n, GROUPING(Industry) gi FROM Account GROUP BY CUBE(Industry, Active)"
        " HAVING COUNT(Id) > 5 ORDER BY Industry, Active, SUM(Revenue) LIMIT 10 OFFSET 1"
    ),
    "SELECT COUNT_DISTINCT(Territory.Region) r, Parent.Industry i FROM Account GROUP BY Parent.Industry",
    "SELECT Id, Name, Parent.Name, Parent.Parent.Territory.Region FROM Account ORDER BY Parent.Name DESC, Id",
    (
        "SELECT Id, Place__c, toLabel(Industry) shown, toLabel(Parent.Tags), FORMAT(Revenue) amount,"
        " convertCurrency(Rate), DISTANCE(Place__c, GEOLOCATION(1, 2), 'mi') far"
        " FROM Account ORDER BY Revenue, Code__c, Id"
    ),
    "SELECT FIELDS(ALL) FROM Account ORDER BY Name NULLS LAST LIMIT 50",
    "SELECT FIELDS(STANDARD), FIELDS(CUSTOM) FROM Account",
    "SELECT TYPEOF Parent WHEN Account THEN Industry, Name ELSE Name END, Id FROM Account LIMIT 5",
    (
        "SELECT Name, (SELECT Name, Age, Account.Name FROM Contacts WHERE Age != 0 ORDER BY Age DESC, Name LIMIT 2),"
        " (SELECT Id, (SELECT Id FROM Contacts) FROM ChildAccounts) FROM Account WHERE Id < '001020'"
    ),
    (
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Age > 0)"
        " AND Id NOT IN (SELECT ParentId FROM Account WHERE Active = true)"
    ),
    (
        "SELECT Id FROM Account WHERE DISTANCE(Place__c, GEOLOCATION(37.775, -122.418), 'mi') < 20"
        " ORDER BY DISTANCE(Place__c, GEOLOCATION(37.775, -122.418), 'mi')"
    ),
    "SELECT a.Id, t.Region FROM Account a, a.Territory t WHERE t.Region = 'NORTH' ORDER BY a.Name, Id",
    "SELECT Account.Id x FROM Account WHERE Account.Name LIKE 'a%'",
    "SELECT Id FROM Account WHERE Name = :name AND Founded IN :days",
    "SELECT Id FROM Account WHERE Name = :x LIMIT :n BIND x = 'a', n = 2",
    "SELECT Id FROM Account WHERE Revenue > USD5.0 ORDER BY Revenue DESC NULLS LAST LIMIT 3 OFFSET 1",
    "SELECT Id FROM Account WITH SECURITY_ENFORCED ORDER BY Opens, Seen DESC, Founded LIMIT 20 FOR VIEW ALL ROWS",
)
VALUES = {"name": "A", "days": ["2026-03-09", "2026-03-10"]}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", QUERIES)
def test_both_databases_give_the_same_records(both: Both, text: str, zone: str) -> None:
    assert both.query(text, context(zone, values=VALUES, fiscal_start_month=4 if zone == "Asia/Kolkata" else 1))
