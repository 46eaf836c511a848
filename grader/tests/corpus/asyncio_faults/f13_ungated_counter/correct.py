class Seats:
    def __init__(self, left, charge):
        self.left, self.charge = left, charge

    async def book(self):
        if self.left == 0:
            return False
        self.left -= 1
        try:
            await self.charge()
        except BaseException:
            self.left += 1
            raise
        return True
