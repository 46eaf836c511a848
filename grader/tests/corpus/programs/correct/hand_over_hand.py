"""A sorted linked list: the next node's lock is taken before this one's is given back."""

import threading


class Node:
    def __init__(self, value, following=None):
        self.value = value
        self.next = following
        self.lock = threading.Lock()


class SortedList:
    def __init__(self):
        self._head = Node(float("-inf"), Node(float("inf")))

    def _locked_place(self, value):
        """The two nodes around the value, both locked."""
        before = self._head
        before.lock.acquire()
        after = before.next
        after.lock.acquire()
        while after.value < value:
            before.lock.release()
            before, after = after, after.next
            after.lock.acquire()
        return before, after

    def insert(self, value):
        before, after = self._locked_place(value)
        before.next = Node(value, after)
        after.lock.release()
        before.lock.release()

    def remove(self, value):
        before, after = self._locked_place(value)
        if after.value == value:
            before.next = after.next
        after.lock.release()
        before.lock.release()

    def values(self):
        found, node = [], self._head.next
        while node.next is not None:
            found.append(node.value)
            node = node.next
        return found


def main():
    numbers = SortedList()
    numbers.insert(2)
    threads = [
        threading.Thread(target=numbers.insert, args=(1,)),
        threading.Thread(target=numbers.insert, args=(3,)),
        threading.Thread(target=numbers.remove, args=(2,)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers.values() == [1, 3]
