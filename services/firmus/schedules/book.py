"""All that the service knows at one moment: schedules, how far each has come, what is due next."""

from firmus.schedules.agenda import Agenda
from firmus.schedules.catalogue import Catalogue
from firmus.schedules.plan import Timetable, claim, next_due, timetable
from firmus.schedules.runs import Cursor, Event, RunsClaimed, cursor_after


class Book:
    """`catalogue` is brought up to date by others; `look_again` follows it."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()
        self._agenda = Agenda()
        self._tables: dict[str, Timetable] = {}
        self._cursors: dict[str, Cursor] = {}

    def look_again(self) -> set[str]:
        """Reads what has changed in the catalogue; the names of the schedules that have."""
        changed, self.catalogue.changed = self.catalogue.changed, set()
        for name in changed:
            table = timetable(self.catalogue.of(name))
            if table is None:
                self._tables.pop(name, None)
            else:
                self._tables[name] = table
            self._plan(name)
        return changed

    def stands(self, event: Event) -> None:
        """Takes over the last event of a schedule's runs."""
        self._cursors[event.originator_id] = cursor_after(event)
        self._plan(event.originator_id)

    def open_claim(self, name: str) -> RunsClaimed | None:
        """The claim of a schedule whose runs have not ended."""
        return self._cursor(name).open

    def due(self, now_ms: int, count: int) -> list[RunsClaimed]:
        """What up to `count` schedules have to start now. Each has to stand somewhere, by `stands`
        or `postpone`, before it comes again.
        """
        if self.catalogue.all_paused:
            return []
        return [
            found
            for name in self._agenda.take(now_ms, count)
            if (found := claim(self._tables[name], self._cursor(name), now_ms=now_ms))
        ]

    def postpone(self, name: str) -> None:
        """The claim of a schedule did not come to be: it is as due as before."""
        self._plan(name)

    def next_ms(self) -> int | None:
        """When something is due next; None while nothing is."""
        return None if self.catalogue.all_paused else self._agenda.next_ms()

    def __len__(self) -> int:
        """Schedules with a next time."""
        return len(self._agenda)

    def _cursor(self, name: str) -> Cursor:
        return self._cursors.get(name, Cursor())

    def _plan(self, name: str) -> None:
        """A schedule whose runs have not ended is not due before they have."""
        table, cursor = self._tables.get(name), self._cursor(name)
        waits = table is None or cursor.open is not None
        self._agenda.put(name, None if table is None or waits else next_due(table, cursor))
