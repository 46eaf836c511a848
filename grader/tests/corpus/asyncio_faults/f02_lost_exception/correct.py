import asyncio


class Saver:
    def __init__(self, write):
        self.write, self.tasks, self.errors = write, set(), []

    def save(self, value):
        task = asyncio.create_task(self.write(value))
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.errors.append(task.exception())

    async def close(self):
        while self.tasks:
            await asyncio.sleep(0.01)
