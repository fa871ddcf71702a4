"""signal: handlers, timers, masks, waiting, a wakeup descriptor, interrupted sleeps and calls, and death of one."""

import errno
import os
import select
import signal
import sys
import threading
import time

print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGPIPE), signal.strsignal(signal.SIGBUS))
signal.signal(signal.SIGALRM, lambda number, frame: print("alarm", number, frame is not None))
signal.setitimer(signal.ITIMER_REAL, 0.02)
signal.pause()
print(signal.alarm(100), signal.alarm(0))


class Told(Exception):
    pass


def tell(number: int, frame: object) -> None:
    raise Told(number)


signal.signal(signal.SIGTERM, tell)
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
try:
    time.sleep(100)
except Told as told:
    print("told", told)
for action in (lambda: os.read(os.pipe()[0], 1), lambda: select.select([os.pipe()[0]], [], []), threading.Lock().__enter__):
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    signal.signal(signal.SIGALRM, tell)
    try:
        action() or action()
    except Told as told:
        print("interrupted", told)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
me = threading.get_ident()
print(signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2]))
for number in (signal.SIGUSR2, signal.SIGUSR1):
    signal.pthread_kill(me, number)
print(sorted(signal.sigpending()), signal.sigwait([signal.SIGUSR2]))
taken = signal.sigwaitinfo([signal.SIGUSR1])
print(taken.si_signo, taken.si_pid == os.getpid(), taken.si_uid == os.getuid(), signal.sigtimedwait([signal.SIGUSR1], 0.01))
signal.pthread_sigmask(signal.SIG_SETMASK, [])
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.signal(signal.SIGALRM, lambda *_: None)
signal.set_wakeup_fd(writer)
signal.raise_signal(signal.SIGALRM)
print(os.read(reader, 10))
signal.set_wakeup_fd(-1)
child = os.fork()
if not child:
    signal.signal(signal.SIGHUP, lambda number, frame: os._exit(9))
    os.write(writer, b"ready")
    while True:
        signal.pause()
os.read(reader, 10)
os.kill(child, signal.SIGSTOP)
print(os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]))
os.kill(child, signal.SIGCONT)
print(os.WIFCONTINUED(os.waitpid(child, os.WCONTINUED)[1]))
os.kill(child, signal.SIGHUP)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(signal.siginterrupt(signal.SIGALRM, True), errno.errorcode[errno.EINTR])
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGINT)
