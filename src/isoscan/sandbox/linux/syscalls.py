"""The system calls the filter speaks of: name, number on x86-64, number on aarch64 (`-`: not there)."""

from __future__ import annotations

from typing import NamedTuple

#: Refused without a grant; with one, `socket`, `bind` and `connect` are what `seccomp.py` says.
NETWORK = """
    socket 41 198  bind 49 200  connect 42 203  listen 50 201  accept 43 202  accept4 288 242
"""
#: Other processes, and anything that changes what this one is or may do.
PROCESSES = """
    fork 57 -  vfork 58 -  clone3 435 435  execve 59 221  ptrace 101 117  process_vm_readv 310 270
    process_vm_writev 311 271  process_madvise 440 440  process_mrelease 448 448  kcmp 312 272
    pidfd_open 434 434  pidfd_getfd 438 438  pidfd_send_signal 424 424  kill 62 129  tkill 200 130
    rt_sigqueueinfo 129 138  rt_tgsigqueueinfo 297 240  setrlimit 160 164  setpgid 109 154
    setsid 112 157  setpriority 141 140  ioprio_set 251 30  sched_setscheduler 144 119
    sched_setparam 142 118  sched_setattr 314 274  sched_setaffinity 203 122  setuid 105 146
    setgid 106 144  setreuid 113 145  setregid 114 143  setresuid 117 147  setresgid 119 149
    setfsuid 122 151  setfsgid 123 152  setgroups 116 159  capset 126 91  unshare 272 97  setns 308 268
    personality 135 92  seccomp 317 277  landlock_create_ruleset 444 444  landlock_add_rule 445 445
    landlock_restrict_self 446 446
"""
#: Memory that escapes the limits, or that races the kernel.
MEMORY = """
    memfd_create 319 279  memfd_secret 447 447  userfaultfd 323 282  mlock 149 228  mlock2 325 284
    mlockall 151 230  mbind 237 235  set_mempolicy 238 237  set_mempolicy_home_node 450 450
    migrate_pages 256 238  move_pages 279 239  remap_file_pages 216 234  vmsplice 278 75
"""
#: All that changes files or watches them; reading is bounded by Landlock.
FILES = """
    creat 85 -  openat2 437 437  truncate 76 45  ftruncate 77 46  fallocate 285 47  rename 82 -
    renameat 264 38  renameat2 316 276  link 86 -  linkat 265 37  symlink 88 -  symlinkat 266 36
    unlink 87 -  unlinkat 263 35  rmdir 84 -  mkdir 83 -  mkdirat 258 34  mknod 133 -  mknodat 259 33
    chmod 90 -  fchmod 91 52  fchmodat 268 53  fchmodat2 452 452  chown 92 -  fchown 93 55  lchown 94 -
    fchownat 260 54  utime 132 -  utimes 235 -  futimesat 261 -  utimensat 280 88  setxattr 188 5
    lsetxattr 189 6  fsetxattr 190 7  getxattr 191 8  lgetxattr 192 9  fgetxattr 193 10
    listxattr 194 11  llistxattr 195 12  flistxattr 196 13  removexattr 197 14  lremovexattr 198 15
    fremovexattr 199 16  inotify_init 253 -  inotify_init1 294 26  inotify_add_watch 254 27
    fanotify_init 300 262  fanotify_mark 301 263  name_to_handle_at 303 264  open_by_handle_at 304 265
    sync 162 81  syncfs 306 267  copy_file_range 326 285  flock 73 32
"""
MOUNTS = """
    mount 165 40  umount2 166 39  pivot_root 155 41  chroot 161 51  fsopen 430 430  fsconfig 431 431
    fsmount 432 432  fspick 433 433  open_tree 428 428  move_mount 429 429  mount_setattr 442 442
    statmount 457 457  listmount 458 458  quotactl 179 60  quotactl_fd 443 443  swapon 167 224
    swapoff 168 225  acct 163 89
"""
#: Shared memory, queues and asynchronous I/O: large kernel interfaces a scan never needs.
IPC = """
    shmget 29 194  shmat 30 196  shmctl 31 195  shmdt 67 197  semget 64 190  semop 65 193
    semtimedop 220 192  semctl 66 191  msgget 68 186  msgsnd 69 189  msgrcv 70 188  msgctl 71 187
    mq_open 240 180  mq_unlink 241 181  mq_timedsend 242 182  mq_timedreceive 243 183
    mq_notify 244 184  mq_getsetattr 245 185  io_setup 206 0  io_destroy 207 1  io_submit 209 2
    io_cancel 210 3  io_getevents 208 4  io_pgetevents 333 292  io_uring_setup 425 425
    io_uring_enter 426 426  io_uring_register 427 427
"""
KERNEL = """
    bpf 321 280  perf_event_open 298 241  kexec_load 246 104  kexec_file_load 320 294
    create_module 174 -  init_module 175 105  finit_module 313 273  delete_module 176 106
    reboot 169 142  syslog 103 116  settimeofday 164 170  clock_settime 227 112  adjtimex 159 171
    clock_adjtime 305 266  sethostname 170 161  setdomainname 171 162  iopl 172 -  ioperm 173 -
    modify_ldt 154 -  vhangup 153 58  uselib 134 -  ustat 136 -  sysfs 139 -  _sysctl 156 -
    nfsservctl 180 42  lookup_dcookie 212 18  add_key 248 217  request_key 249 218  keyctl 250 219
    lsm_get_self_attr 459 459  lsm_set_self_attr 460 460  lsm_list_modules 461 461
"""
#: Allowed in part: their arguments decide, see `seccomp.py`.
RULED = """
    clone 56 220  execveat 322 281  tgkill 234 131  prlimit64 302 261  prctl 157 167  socketpair 53 199
    open 2 -  openat 257 56  ioctl 16 29  fcntl 72 25
    sendto 44 206  sendmsg 46 211  sendmmsg 307 269
"""
#: A call with a higher number is newer than this table: it is said not to exist.
NEWEST_KNOWN = 462


class Machine(NamedTuple):
    """A processor architecture as the kernel's filter sees it."""

    name: str
    audit_arch: int
    column: int
    #: Numbers from here on belong to a second, foreign set of calls (x32); None where there is none.
    foreign_from: int | None


MACHINES = {
    "x86_64": Machine("x86_64", 0xC000003E, 1, 0x40000000),
    "aarch64": Machine("aarch64", 0xC00000B7, 2, None),
}


def numbers_of(table: str, machine: Machine) -> dict[str, int]:
    """Name → number of each call in `table` that exists on the machine."""
    words = table.split()
    rows = zip(words[::3], words[machine.column :: 3], strict=False)
    return {name: int(number) for name, number in rows if number != "-"}
