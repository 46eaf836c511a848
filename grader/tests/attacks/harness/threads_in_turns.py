"""Thread.start runs the thread at once to its end, so that nothing can come in between.

attacks: test_threads
expected: failed
stopped-by: control
"""

import threading

from honest_but_wrong import *


threading.Thread.start = lambda self: self.run()
threading.Thread.join = lambda self, timeout=None: None
