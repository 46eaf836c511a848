import asyncio


class Saver:
    def __init__(self, write):
        self.write, self.tasks = write, set()

    def save(self, value):
        task = asyncio.create_task(self.write(value))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self):
        while self.tasks:
            await asyncio.sleep(0.01)
