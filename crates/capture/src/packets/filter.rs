//! The filter that the kernel runs on each packet: TCP of given ports, each packet once.
//! It is a program of classic BPF, which can only look and say yes or no; the ring's owner loads it.
//!
//! Specification: the kernel's Documentation/networking/filter.rst. Packets begin with their IP header here.
//! What passes on the loopback interface is shown by the kernel twice, going out and coming in; the way out is left
//! away there. On other interfaces each packet passes once.
//! Fragments behind the first have no ports and pass if they are TCP. Of IPv6 a fragment header is looked behind, and
//! no other extension header, which no TCP in a cluster has.
//!
//! Hostile input: loads beyond a packet's end make the kernel drop it.

use super::{LOOPBACK, SNAP_BYTES};

/// Jumps of this machine reach 255 instructions, and a port takes two.
pub const PORTS_MAX: usize = 64;

/// An instruction as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) if_true: u8,
    pub(crate) if_false: u8,
    pub(crate) value: u32,
}

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF_BEHIND: u16 = 0x48;
const INDEX_TO_VALUE: u16 = 0x01;
const INDEX_TO_HEADER: u16 = 0xb1;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

/// What the kernel knows of a packet beside its bytes (`SKF_AD_OFF` and what is added to it).
const PROTOCOL: u32 = 0xffff_f000;
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
const INTERFACE: u32 = 0xffff_f000 + 8;
const OUTGOING: u32 = 4;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const TCP: u32 = 6;
const FRAGMENT: u32 = 44;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Next,
    Accept,
    Reject,
    Label(&'static str),
}

#[derive(Debug, Default)]
struct Writer {
    instructions: Vec<(u16, To, To, u32)>,
    labels: Vec<(&'static str, usize)>,
}

impl Writer {
    fn load(&mut self, code: u16, value: u32) {
        self.instructions.push((code, To::Next, To::Next, value));
    }
    fn is(&mut self, value: u32, yes: To, no: To) {
        self.instructions.push((JUMP_IF_EQUAL, yes, no, value));
    }
    fn label(&mut self, label: &'static str) {
        self.labels.push((label, self.instructions.len()));
    }
    fn finish(mut self) -> Option<Vec<Instruction>> {
        let reject = self.instructions.len();
        self.load(RETURN, 0);
        let accept = self.instructions.len();
        self.load(RETURN, SNAP_BYTES);
        let labels = &self.labels;
        let distance = |at: usize, to: To| {
            let target = match to {
                To::Next => at + 1,
                To::Accept => accept,
                To::Reject => reject,
                To::Label(wanted) => labels.iter().find(|(label, _)| *label == wanted)?.1,
            };
            u8::try_from(target.checked_sub(at + 1)?).ok()
        };
        let finished = self.instructions.iter().enumerate().map(|(at, (code, yes, no, value))| {
            let (if_true, if_false) = (distance(at, *yes)?, distance(at, *no)?);
            // An unconditional jump has its distance as its value.
            Some(match *code {
                JUMP => Instruction { code: *code, if_true: 0, if_false: 0, value: if_true.into() },
                code => Instruction { code, if_true, if_false, value: *value },
            })
        });
        finished.collect()
    }
}

/// The filter for TCP from or to these ports; none if there are none or too many.
pub(crate) fn tcp_ports(ports: &[u16]) -> Option<Vec<Instruction>> {
    if ports.is_empty() || ports.len() > PORTS_MAX {
        return None;
    }
    let mut it = Writer::default();
    it.load(LOAD_WORD, PACKET_TYPE);
    it.is(OUTGOING, To::Next, To::Label("once"));
    it.load(LOAD_WORD, INTERFACE);
    it.is(LOOPBACK, To::Reject, To::Next);
    it.label("once");
    it.load(LOAD_WORD, PROTOCOL);
    it.is(IPV4, To::Next, To::Label("six"));
    it.load(LOAD_BYTE, 9);
    it.is(TCP, To::Next, To::Reject);
    it.load(LOAD_HALF, 6);
    it.instructions.push((JUMP_IF_ANY_BIT, To::Accept, To::Next, 0x1fff));
    it.load(INDEX_TO_HEADER, 0);
    it.instructions.push((JUMP, To::Label("ports"), To::Next, 0));
    it.label("six");
    it.is(IPV6, To::Next, To::Reject);
    it.load(LOAD_BYTE, 6);
    it.is(TCP, To::Label("plain six"), To::Next);
    it.is(FRAGMENT, To::Next, To::Reject);
    it.load(LOAD_BYTE, 40);
    it.is(TCP, To::Accept, To::Reject);
    it.label("plain six");
    it.load(INDEX_TO_VALUE, 40);
    it.label("ports");
    for place in [0, 2] {
        it.load(LOAD_HALF_BEHIND, place);
        for port in ports {
            it.is((*port).into(), To::Accept, To::Next);
        }
    }
    it.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the kernel does with the instructions used here.
    fn run(filter: &[Instruction], known: [u32; 3], packet: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        let bytes = |place: u32, count: usize| {
            let place = place as usize;
            let found = packet.get(place..place + count)?;
            Some(found.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)))
        };
        loop {
            let it = filter[at];
            at += 1;
            let loaded = match it.code {
                LOAD_WORD => Some(known[((it.value - PROTOCOL) / 4) as usize]),
                LOAD_HALF => bytes(it.value, 2),
                LOAD_BYTE => bytes(it.value, 1),
                LOAD_HALF_BEHIND => bytes(x + it.value, 2),
                INDEX_TO_VALUE => {
                    x = it.value;
                    continue;
                }
                INDEX_TO_HEADER => match bytes(it.value, 1) {
                    Some(byte) => {
                        x = (byte & 0xf) * 4;
                        continue;
                    }
                    None => None,
                },
                JUMP => {
                    at += it.value as usize;
                    continue;
                }
                JUMP_IF_EQUAL | JUMP_IF_ANY_BIT => {
                    let is_so = match it.code {
                        JUMP_IF_EQUAL => a == it.value,
                        _ => a & it.value != 0,
                    };
                    at += usize::from(if is_so { it.if_true } else { it.if_false });
                    continue;
                }
                RETURN => return it.value,
                other => panic!("{other:#x}"),
            };
            match loaded {
                Some(loaded) => a = loaded,
                None => return 0,
            }
        }
    }

    fn ipv4(protocol: u8, options: usize, fragment: u16, from: u16, to: u16) -> Vec<u8> {
        let words = u8::try_from(options).unwrap();
        let mut packet = vec![0; 20 + options * 4 + 20];
        packet[0] = 0x45 + words;
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[9] = protocol;
        let at = 20 + options * 4;
        packet[at..at + 2].copy_from_slice(&from.to_be_bytes());
        packet[at + 2..at + 4].copy_from_slice(&to.to_be_bytes());
        packet
    }

    fn ipv6(next: u8, behind: u8, from: u16, to: u16) -> Vec<u8> {
        let mut packet = vec![0; 60];
        (packet[0], packet[6]) = (0x60, next);
        packet[40..42].copy_from_slice(&from.to_be_bytes());
        packet[42..44].copy_from_slice(&to.to_be_bytes());
        if next != 6 {
            packet[40] = behind;
        }
        packet
    }

    #[test]
    fn the_ports_pass_in_both_directions_and_nothing_else_does() {
        let filter = tcp_ports(&[6443, 10250]).unwrap();
        let v4 = [IPV4, 0, 5];
        let v6 = [IPV6, 0, 5];
        for (known, packet, passes, what) in [
            (v4, ipv4(6, 0, 0, 40000, 6443), true, "to the server"),
            (v4, ipv4(6, 0, 0, 10250, 40000), true, "from the other port"),
            (v4, ipv4(6, 10, 0x4000, 6443, 1), true, "with options"),
            (v4, ipv4(6, 0, 0, 40000, 443), false, "another port"),
            (v4, ipv4(17, 0, 0, 40000, 6443), false, "UDP"),
            (v4, ipv4(6, 0, 0x0003, 1, 2), true, "a later fragment"),
            (v4, ipv4(17, 0, 0x0003, 1, 2), false, "a later fragment of UDP"),
            (v4, vec![0x45; 9], false, "cut off"),
            (v6, ipv6(6, 0, 6443, 40000), true, "IPv6"),
            (v6, ipv6(6, 0, 22, 40000), false, "another port, IPv6"),
            (v6, ipv6(44, 6, 0, 0), true, "a fragment, IPv6"),
            (v6, ipv6(44, 17, 0, 0), false, "a fragment of UDP, IPv6"),
            (v6, ipv6(0, 6, 0, 0), false, "hop-by-hop options"),
            ([0x0806, 0, 5], ipv4(6, 0, 0, 40000, 6443), false, "ARP"),
            ([IPV4, OUTGOING, 5], ipv4(6, 0, 0, 6443, 1), true, "going out"),
            ([IPV4, 0, LOOPBACK], ipv4(6, 0, 0, 6443, 1), true, "coming in by loopback"),
            ([IPV4, OUTGOING, LOOPBACK], ipv4(6, 0, 0, 6443, 1), false, "the same, going out"),
        ] {
            let kept = if passes { SNAP_BYTES } else { 0 };
            assert_eq!(run(&filter, known, &packet), kept, "{what}");
        }
    }

    #[test]
    fn as_many_ports_as_are_promised_fit() {
        let ports: Vec<u16> = (1..=64).collect();
        let filter = tcp_ports(&ports).unwrap();
        for port in &ports {
            let packet = ipv4(6, 0, 0, 9999, *port);
            assert_eq!(run(&filter, [IPV4, 0, 2], &packet), SNAP_BYTES, "{port}");
        }
        assert!(tcp_ports(&[]).is_none());
        assert!(tcp_ports(&[1; 65]).is_none());
    }

    proptest! {
        #[test]
        fn any_packet_is_decided(
            packet in proptest::collection::vec(any::<u8>(), 0..80),
            known in prop::array::uniform3(0_u32..0x1_0000),
        ) {
            let filter = tcp_ports(&[6443]).unwrap();
            prop_assert!(matches!(run(&filter, known, &packet), 0 | SNAP_BYTES));
        }
    }
}
