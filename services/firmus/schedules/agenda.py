"""Which schedule is due next: an ordered memory of first instants, one for each schedule.

What is known of a schedule is put in again whenever it changes; an entry that was overtaken is
skipped when its turn comes.
"""

from heapq import heappop, heappush


class Agenda:
    """Instants in epoch milliseconds."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []

    def put(self, name: str, due_ms: int | None) -> None:
        """None: the schedule has nothing to do any more."""
        if due_ms is None:
            self._due.pop(name, None)
        elif self._due.get(name) != due_ms:
            self._due[name] = due_ms
            heappush(self._order, (due_ms, name))

    def next_ms(self) -> int | None:
        """When the first one is due."""
        while self._order:
            due_ms, name = self._order[0]
            if self._due.get(name) == due_ms:
                return due_ms
            heappop(self._order)
        return None

    def take(self, now_ms: int, count: int) -> list[str]:
        """Up to `count` schedules that are due, the longest waiting first; they are put in again
        when it is known what comes next.
        """
        found: list[str] = []
        while len(found) < count and (first_ms := self.next_ms()) is not None:
            if first_ms > now_ms:
                break
            name = heappop(self._order)[1]
            del self._due[name]
            found.append(name)
        return found

    def __len__(self) -> int:
        return len(self._due)
