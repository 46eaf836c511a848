class Seats:
    def __init__(self, left, charge):
        self.left, self.charge = left, charge

    async def book(self):
        if self.left == 0:
            return False
        await self.charge()
        self.left -= 1
        return True
