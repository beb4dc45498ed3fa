//! The system calls that have no face in the standard library: bpf(2), perf_event_open(2), packet sockets.
//! What the kernel hands out comes back as a descriptor that closes itself; what it is for is not known here.
//!
//! Layouts: linux/bpf.h, linux/perf_event.h, linux/if_packet.h, linux/filter.h. They are promises of the kernel
//! to programs and never change; a shorter structure than the running kernel's is filled up with zeros by it.

#![allow(
    unsafe_code,
    reason = "system calls take addresses; every function here states why its addresses hold"
)]

use crate::packets::filter::Instruction as PacketInstruction;
use crate::probes::assembler::Instruction;
use std::ffi::CStr;
use std::io;
use std::mem::{size_of, size_of_val};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_LOOKUP_ELEM: libc::c_int = 1;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_TRACE_UPROBE_MULTI: u32 = 48;

/// `bpf_probe_read_user` is given to programs under a licence compatible with the GPL alone. The few
/// instructions that are loaded are this project's own, and are given out under either licence.
const LICENSE: &CStr = c"Dual MIT/GPL";

/// `_IOW('$', 8, __u32)` and `_IO('$', 0)`.
const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;

/// The part of `union bpf_attr` that makes a map.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries_max: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; 16],
}

/// The part of `union bpf_attr` that reads an entry of a map.
#[repr(C)]
struct MapLookup {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// The part of `union bpf_attr` that loads a program, as Linux 5.8 knows it.
#[repr(C)]
struct ProgramLoad {
    program_type: u32,
    instructions_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
}

/// The part of `union bpf_attr` that attaches a program to places in a file, as Linux 6.6 knows it.
#[repr(C)]
struct LinkCreate {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
    path: u64,
    offsets: u64,
    reference_counters: u64,
    cookies: u64,
    count: u32,
    probe_flags: u32,
    pid: u32,
    /// The kernel refuses what is not zero behind the last that it knows, and alignment would leave anything here.
    padding: u32,
}

/// `struct perf_event_attr`, its first published length and the second's two words.
#[repr(C)]
struct PerfEvent {
    event_type: u32,
    bytes: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    uprobe_path: u64,
    probe_offset: u64,
}

/// What kind of BPF map.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MapKind {
    Array,
    RingBuffer,
}

/// A fault with what the verifier said.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) source: io::Error,
    pub(crate) log: String,
}

fn address<T: ?Sized>(of: &T) -> u64 {
    ptr::from_ref(of).cast::<u8>() as u64
}

fn done(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let descriptor = RawFd::try_from(done(result)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just handed out this descriptor to this call alone, so nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().unsigned_abs()
}

fn bytes_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

/// The bpf(2) system call.
fn bpf<T>(command: libc::c_int, attributes: &mut T) -> libc::c_long {
    // SAFETY: the kernel reads (and for some commands writes) `size_of::<T>()` bytes at this address, which
    // `attributes` lends exclusively for the call. The addresses within are lent by each caller for as long.
    unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_mut(attributes), bytes_of::<T>()) }
}

fn name(text: &str) -> [u8; 16] {
    let mut name = [0; 16];
    for (place, byte) in name.iter_mut().take(15).zip(text.bytes()) {
        *place = byte;
    }
    name
}

/// Makes a map of so many entries, or for a ring buffer of so many bytes.
pub(crate) fn make_map(kind: MapKind, entries_max: u32) -> io::Result<OwnedFd> {
    let (map_type, key_bytes, value_bytes) = match kind {
        MapKind::Array => (2, 4, 8),
        MapKind::RingBuffer => (27, 0, 0),
    };
    let mut attributes = MapCreate {
        map_type,
        key_bytes,
        value_bytes,
        entries_max,
        flags: 0,
        inner_map: 0,
        numa_node: 0,
        name: name("sallyport_keys"),
    };
    owned(bpf(BPF_MAP_CREATE, &mut attributes))
}

/// Reads a number of an array map.
pub(crate) fn map_number(map: BorrowedFd<'_>, key: u32) -> io::Result<u64> {
    let mut value = 0_u64;
    let mut attributes = MapLookup {
        map: number(map),
        padding: 0,
        key: address(&key),
        value: ptr::from_mut(&mut value) as u64,
        flags: 0,
    };
    done(bpf(BPF_MAP_LOOKUP_ELEM, &mut attributes))?;
    Ok(value)
}

/// By what a program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a BPF link, which the kernel has since 6.6. It takes CAP_BPF and CAP_PERFMON.
    Link,
    /// By a performance event. Kernels since the summer of 2025 ask for CAP_SYS_ADMIN then: a breakpoint in the wrong
    /// place would damage a program, and this way leaves it to the caller to know better.
    Event,
}

/// Loads a program for uprobes. The kernel's verifier checks it whole before it accepts it.
pub(crate) fn load_program(instructions: &[Instruction], way: Way) -> Result<OwnedFd, Refused> {
    let attach_type = match way {
        Way::Link => BPF_TRACE_UPROBE_MULTI,
        Way::Event => 0,
    };
    let load = |log: &mut [u8]| {
        let mut attributes = ProgramLoad {
            program_type: BPF_PROG_TYPE_KPROBE,
            instructions_count: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
            instructions: address(instructions),
            license: LICENSE.as_ptr() as u64,
            log_level: u32::from(!log.is_empty()),
            log_bytes: u32::try_from(log.len()).unwrap_or(0),
            log: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
            kernel_version: 0,
            flags: 0,
            name: name("sallyport_keys"),
            interface: 0,
            attach_type,
        };
        owned(bpf(BPF_PROG_LOAD, &mut attributes))
    };
    load(&mut []).map_err(|source| {
        // Once more, only to hear why: a log that is too small would itself be a fault.
        let mut log = vec![0; 64 * 1024];
        load(&mut log).ok();
        let length = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
        log.truncate(length);
        Refused { source, log: String::from_utf8_lossy(&log).into_owned() }
    })
}

/// Lets a program run at a place in a file, for one process or for all that run it. Closing the link ends it.
pub(crate) fn link_uprobe(
    program: BorrowedFd<'_>,
    path: &CStr,
    offset: u64,
    pid: Option<u32>,
) -> io::Result<OwnedFd> {
    let mut attributes = LinkCreate {
        program: number(program),
        target: 0,
        attach_type: BPF_TRACE_UPROBE_MULTI,
        flags: 0,
        path: path.as_ptr() as u64,
        offsets: address(&offset),
        reference_counters: 0,
        cookies: 0,
        count: 1,
        // Bit 0 would make it a return probe, which moves stacks of Go programs under their feet.
        probe_flags: 0,
        pid: pid.unwrap_or(0),
        padding: 0,
    };
    owned(bpf(BPF_LINK_CREATE, &mut attributes))
}

/// Puts a uprobe into a file, for one process or for all that run it. Closing the event takes it out.
pub(crate) fn open_uprobe(
    event_type: u32,
    path: &CStr,
    offset: u64,
    pid: Option<u32>,
) -> io::Result<OwnedFd> {
    let attributes = PerfEvent {
        event_type,
        bytes: bytes_of::<PerfEvent>(),
        // Bit 0 would make it a return probe, as above.
        config: 0,
        sample_period: 0,
        sample_type: 0,
        read_format: 0,
        flags: 0,
        wakeup_events: 0,
        breakpoint_type: 0,
        uprobe_path: path.as_ptr() as u64,
        probe_offset: offset,
    };
    // An event of a process follows it to every CPU; one of all processes names any CPU, and its program runs
    // on all of them all the same.
    let (pid, cpu) = match pid {
        Some(pid) => (libc::pid_t::try_from(pid).map_err(io::Error::other)?, -1),
        None => (-1, 0),
    };
    // SAFETY: the kernel reads `bytes` bytes of `attributes` and the path, which end in NUL; both are lent for
    // the call and not kept.
    owned(unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            ptr::from_ref(&attributes),
            pid,
            cpu,
            -1,
            PERF_FLAG_FD_CLOEXEC,
        )
    })
}

/// Lets a program run whenever an event is hit.
pub(crate) fn arm(event: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: this request takes a number and no address.
    let set =
        unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_SET_BPF as _, program.as_raw_fd()) };
    done(set.into())?;
    // SAFETY: this request takes nothing.
    let enabled = unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_ENABLE as _, 0) };
    done(enabled.into()).map(|_| ())
}

/// A packet socket that hears nothing until it is bound. Packets come without their link layer, so that all
/// interfaces give them in one form.
pub(crate) fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: this call takes numbers alone.
    owned(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }.into())
}

fn set_option<T>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of `value`, which is lent for the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            bytes_of::<T>(),
        )
    };
    done(set.into()).map(|_| ())
}

/// Lets a packet socket fill a ring of blocks in the third format.
pub(crate) fn make_packet_ring(
    socket: BorrowedFd<'_>,
    block_bytes: u32,
    blocks: u32,
    retire_ms: u32,
) -> io::Result<()> {
    let version: libc::c_int = 2; // TPACKET_V3; the first is 0
    set_option(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
    // In this format the frame size only has to divide the block; frames are as long as their packets.
    let frame_bytes: u32 = 2048;
    let request = libc::tpacket_req3 {
        tp_block_size: block_bytes,
        tp_block_nr: blocks,
        tp_frame_size: frame_bytes,
        tp_frame_nr: block_bytes / frame_bytes * blocks,
        tp_retire_blk_tov: retire_ms,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
}

/// Gives a socket a filter, which the kernel runs on each packet.
pub(crate) fn set_packet_filter(
    socket: BorrowedFd<'_>,
    instructions: &[PacketInstruction],
) -> io::Result<()> {
    let mut program: Vec<libc::sock_filter> = instructions
        .iter()
        .map(|it| libc::sock_filter { code: it.code, jt: it.if_true, jf: it.if_false, k: it.value })
        .collect();
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_mut_ptr(),
    };
    // The kernel copies the instructions that `filter` points to, which `program` keeps alive until here.
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

/// Lets a packet socket hear all protocols of one interface, or of all.
pub(crate) fn bind_packets(socket: BorrowedFd<'_>, interface: Option<u32>) -> io::Result<()> {
    let every_protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or(3);
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap_or(17),
        sll_protocol: every_protocol.to_be(),
        sll_ifindex: i32::try_from(interface.unwrap_or(0)).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the kernel reads the length that is given of `address`, which is lent for the call.
    let bound = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            ptr::from_ref(&address).cast(),
            bytes_of::<libc::sockaddr_ll>(),
        )
    };
    done(bound.into()).map(|_| ())
}

/// Packets dropped since this was last asked.
pub(crate) fn packets_dropped(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // Packets, drops, and how often the ring was found full.
    let mut counts = [0_u32; 3];
    let mut length = u32::try_from(size_of_val(&counts)).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes to `counts`, which has as many.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            counts.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    done(got.into())?;
    Ok(counts[1])
}

/// The number of an interface in this network namespace.
pub(crate) fn interface_number(name: &CStr) -> io::Result<u32> {
    // SAFETY: the name ends in NUL and is lent for the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        number => Ok(number),
    }
}

/// Waits until one of these has something to read, or the time is over. A signal ends the wait early.
pub fn wait(descriptors: &[BorrowedFd<'_>], timeout: Duration) -> io::Result<()> {
    let mut asked: Vec<libc::pollfd> = descriptors
        .iter()
        .map(|it| libc::pollfd { fd: it.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let timeout_ms = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
    let count = libc::nfds_t::try_from(asked.len()).unwrap_or(0);
    // SAFETY: the kernel reads and writes `count` entries, which `asked` has and lends for the call.
    match done(unsafe { libc::poll(asked.as_mut_ptr(), count, timeout_ms) }.into()) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}
