"""Calls itself without end.

ends: exception
says: "RecursionError"
"""

import threading


class Tree:
    def __init__(self):
        self.parent = self

    def depth(self):
        return self.parent.depth() + 1


def main():
    thread = threading.Thread(target=Tree().depth)
    thread.start()
    thread.join()
