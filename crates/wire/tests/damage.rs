//! Captures that were cut, thinned out, doubled and shuffled: nothing panics, every byte is accounted for,
//! and nothing is said that was not said.
#![allow(clippy::unwrap_used, reason = "tests")]

mod captures;

use captures::{Capture, decode, said};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::LazyLock;
use wire::Event;

static GOLDENS: LazyLock<Vec<(String, Capture)>> = LazyLock::new(captures::all);

/// Pairs of a path and the status of its answer.
fn answers(events: &[Event]) -> HashSet<(String, u16)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Unit(unit) => Some((unit.call.as_ref()?.path.clone()?, unit.status?)),
            Event::Closed(_) => None,
        })
        .collect()
}

/// Where an IPv4 packet over Ethernet comes from: what follows each other from one side may be swapped.
fn source(data: &[u8]) -> Option<&[u8]> {
    data.get(34..36)
}

#[test]
fn whichever_two_packets_are_lost_no_answer_is_joined_to_another_request() {
    for (name, capture) in GOLDENS.iter().filter(|(name, _)| name.starts_with("go-tls13-h")) {
        let known = answers(&decode(capture).events);
        for second in 1..capture.packets.len() {
            for first in 0..second {
                let mut damaged = capture.clone();
                damaged.packets.remove(second);
                damaged.packets.remove(first);
                let found = answers(&decode(&damaged).events);
                assert!(found.is_subset(&known), "{name} without {first} and {second}: {found:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn doubled_and_shuffled_packets_say_the_same(
        golden in any::<prop::sample::Index>(),
        swaps in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        doubles in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (name, capture) = golden.get(&GOLDENS);
        let mut damaged = capture.clone();
        for swap in swaps {
            let place = swap.index(damaged.packets.len() - 1);
            let packets = &mut damaged.packets;
            let is_syn = packets[place].data.get(47).is_some_and(|flags| flags & 2 != 0);
            if !is_syn && source(&packets[place].data) == source(&packets[place + 1].data) {
                packets.swap(place, place + 1);
            }
        }
        for double in doubles {
            let place = double.index(damaged.packets.len());
            let packet = damaged.packets[place].clone();
            damaged.packets.insert(place + 1, packet);
        }
        let decoded = decode(&damaged);
        prop_assert_eq!(decoded.tally.total(), decoded.bytes);
        prop_assert_eq!(said(&decoded.events), said(&decode(capture).events), "{}", name);
    }

    #[test]
    fn lost_and_cut_packets_leave_gaps_and_no_guesses(
        golden in any::<prop::sample::Index>(),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
    ) {
        let (name, capture) = golden.get(&GOLDENS);
        let mut damaged = capture.clone();
        for (packet, length) in cuts {
            let place = packet.index(damaged.packets.len());
            let data = &mut damaged.packets[place].data;
            data.truncate(length.index(data.len() + 1));
        }
        for packet in lost {
            let place = packet.index(damaged.packets.len());
            damaged.packets.remove(place);
        }
        let decoded = decode(&damaged);
        prop_assert_eq!(decoded.tally.total(), decoded.bytes, "{}", name);
        let known = answers(&decode(capture).events);
        for answer in answers(&decoded.events) {
            prop_assert!(known.contains(&answer), "{}: {:?} was never said", name, answer);
        }
    }

    #[test]
    fn no_bytes_panic(
        golden in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let (_, capture) = golden.get(&GOLDENS);
        let mut damaged = capture.clone();
        for (packet, place, byte) in flips {
            let packet = packet.index(damaged.packets.len());
            let data = &mut damaged.packets[packet].data;
            let place = place.index(data.len());
            data[place] = byte;
        }
        let decoded = decode(&damaged);
        prop_assert_eq!(decoded.tally.total(), decoded.bytes);
    }
}
