class Room:
    def __init__(self):
        self.members = set()

    async def say(self, text):
        for member in self.members:
            await member(text)
