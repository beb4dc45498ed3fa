//! Cuts a side's stream into records, and finds the next one after a gap.
//! It opens records only to learn whether a place is one; what is in them is the parent's.
//!
//! After a gap: when the damaged record's length is known, the rest of it is dropped and the next begins
//! behind it. When the header itself is missing, each place that looks like a header is tried, and accepted
//! when its tag verifies; without a key, when what follows looks like a header as well.
//! Limits: a search holds less than one record of the largest size, and looks at no more than two at once.
//!
//! Hostile input: lengths over RFC 8446's bound begin a search instead of an allocation.

use super::half::{Damaged, Epoch, SLACK_UNKNOWN};
use super::opener::HEADER_BYTES;
use super::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT, Tls};
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::Side;

/// 2^14 and what TLS 1.2 allows protection to add.
const FRAGMENT_BYTES_MAX: usize = 16_384 + 2_048;
/// The least protected record: a header, a tag, a byte.
const RECORD_BYTES_MIN: u64 = 22;

/// The content type and whole length of the record that begins here, if one can.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let [kind, 3, 0..=4, high, low] = *bytes.first_chunk::<HEADER_BYTES>()? else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let plausible = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind)
        && length <= FRAGMENT_BYTES_MAX
        && (length > 0 || kind == APPLICATION_DATA);
    plausible.then_some((kind, HEADER_BYTES + length))
}

/// Whether a stream can be TLS that begins so.
pub(crate) fn looks_like_tls(bytes: &[u8]) -> bool {
    match bytes {
        [20..=24, 3, 0..=4, ..] => bytes.len() < HEADER_BYTES || header(bytes).is_some(),
        _ => false,
    }
}

impl Tls {
    /// Takes the next bytes of a side.
    pub(crate) fn data(&mut self, side: Side, mut data: &[u8], scene: &mut Scene<'_>) {
        while !data.is_empty() {
            if self.half(side).search.is_some() {
                data = self.search(side, data, scene);
                continue;
            }
            if let Some(damaged) = self.half(side).damaged {
                let (dropped, rest) = data.split_at(damaged.rest.min(data.len()));
                scene.wire_skipped(Skip::Gap, dropped.len());
                self.drop_damaged(side, damaged, dropped.len(), scene);
                data = rest;
                continue;
            }
            if self.half(side).partial.is_empty() {
                match header(data) {
                    Some((_, length)) if data.len() >= length => {
                        let (record, rest) = data.split_at(length);
                        self.record(side, record, scene);
                        data = rest;
                        continue;
                    }
                    None if data.len() >= HEADER_BYTES => {
                        self.begin_search(side, None, scene);
                        continue;
                    }
                    _ => {}
                }
            }
            data = self.join(side, data, scene);
        }
    }

    /// Adds to a record that came in part.
    fn join<'a>(&mut self, side: Side, data: &'a [u8], scene: &mut Scene<'_>) -> &'a [u8] {
        let partial = &mut self.half(side).partial;
        let wanted = match header(partial) {
            Some((_, length)) => length,
            None => HEADER_BYTES,
        };
        let (part, rest) = data.split_at((wanted - partial.len()).min(data.len()));
        partial.extend_from_slice(part);
        if partial.len() < wanted {
            return rest;
        }
        match header(partial) {
            Some((_, length)) if partial.len() == length => {
                let mut record = std::mem::take(partial);
                self.record(side, &record, scene);
                record.clear();
                self.half(side).partial = record;
            }
            Some(_) => {}
            None => self.begin_search(side, None, scene),
        }
        rest
    }

    /// Says that bytes of a side are missing from the capture.
    pub(crate) fn gap(&mut self, side: Side, mut lost: u64, scene: &mut Scene<'_>) {
        let half = self.half(side);
        if let Some(before) = half.search {
            let partial = std::mem::take(&mut half.partial);
            half.search = Some(before.map(|before| before + lost + partial.len() as u64));
            return scene.wire_skipped(Skip::Gap, partial.len());
        }
        let mut damaged = half.damaged;
        if damaged.is_none()
            && let Some((kind, length)) = header(&half.partial)
        {
            let partial = std::mem::take(&mut half.partial);
            scene.wire_skipped(Skip::Gap, partial.len());
            damaged = Some(Damaged { rest: length - partial.len(), kind, length });
        }
        if let Some(damaged) = damaged {
            let rest = damaged.rest as u64;
            let dropped = usize::try_from(lost.min(rest)).unwrap_or(usize::MAX);
            self.half(side).damaged = Some(damaged);
            self.drop_damaged(side, damaged, dropped, scene);
            if lost <= rest {
                return;
            }
            lost -= rest;
        }
        self.begin_search(side, Some(lost), scene);
    }

    fn drop_damaged(
        &mut self,
        side: Side,
        damaged: Damaged,
        dropped: usize,
        scene: &mut Scene<'_>,
    ) {
        let rest = damaged.rest - dropped;
        if rest > 0 {
            self.half(side).damaged = Some(Damaged { rest, ..damaged });
            return;
        }
        self.half(side).damaged = None;
        self.lose_record(side, damaged, scene);
    }

    /// Counts a record whose header was seen but whose content is gone.
    fn lose_record(&mut self, side: Side, damaged: Damaged, scene: &mut Scene<'_>) {
        self.trouble = Some(Skip::Gap);
        let in_clear = self.half(side).epoch == Epoch::Clear;
        let is_1_3 = self.is_1_3();
        let half = self.half(side);
        half.handshake.clear();
        if in_clear && damaged.kind != APPLICATION_DATA {
            // A hello may be gone, and with it the way to the key.
            return;
        }
        if half.parked.is_empty() {
            self.ask_for_keys(side, scene);
        }
        let half = self.half(side);
        if !half.parked.is_empty() || (half.opener.is_none() && half.next_opener.is_none()) {
            return half.park_loss(Some(1));
        }
        if half.opener.is_none() {
            // It was under the key of the handshake or already under the next; both are tried.
            return half.lose(1);
        }
        half.sequence += 1;
        half.lose(1);
        if half.epoch == Epoch::Application && (is_1_3 || damaged.kind == APPLICATION_DATA) {
            let overhead =
                HEADER_BYTES + half.opener.as_ref().map_or(0, |opener| opener.overhead_bytes());
            let content = damaged.length.checked_sub(overhead).map(|content| content as u64);
            self.app.gap(side, content, scene);
        }
    }

    fn begin_search(&mut self, side: Side, lost: Option<u64>, scene: &mut Scene<'_>) {
        self.trouble = Some(Skip::Gap);
        let half = self.half(side);
        half.handshake.clear();
        let partial = half.partial.len();
        half.search = Some(lost.map(|lost| lost + partial as u64));
        scene.wire_skipped(Skip::Gap, std::mem::take(&mut half.partial).len());
    }

    /// Looks for the next record in what is held and what comes.
    fn search<'a>(&mut self, side: Side, data: &'a [u8], scene: &mut Scene<'_>) -> &'a [u8] {
        let mut held = std::mem::take(&mut self.half(side).partial);
        let before = held.len();
        // What is held is less than a record; with as much again it can be decided about.
        let (joined, rest) = match before {
            0 => (data, [].as_slice()),
            _ => {
                let count = (HEADER_BYTES + FRAGMENT_BYTES_MAX).min(data.len());
                let (part, rest) = data.split_at(count);
                held.extend_from_slice(part);
                (held.as_slice(), rest)
            }
        };
        let mut place = 0;
        while let Some(here) = joined.get(place..).filter(|here| here.len() >= HEADER_BYTES) {
            let Some((kind, length)) = header(here) else {
                place += 1;
                continue;
            };
            let Some(record) = here.get(..length) else { break };
            if self.accept(side, kind, record, here.get(length..), place, scene) {
                scene.wire_skipped(Skip::Gap, place);
                let end = place + length;
                // What was held behind the record comes before the data. It is less than what was held,
                // and nothing is held now, so that this goes no deeper than once.
                if let Some(after) = joined.get(end..before) {
                    self.data(side, after, scene);
                }
                return data.get(end.saturating_sub(before)..).unwrap_or_default();
            }
            place += 1;
        }
        scene.wire_skipped(Skip::Gap, place);
        let left = joined.get(place..).unwrap_or_default().to_vec();
        let half = self.half(side);
        half.search = half.search.map(|lost| lost.map(|lost| lost + place as u64));
        half.partial = left;
        rest
    }

    /// Tries whether a record begins here, and takes it if so.
    fn accept(
        &mut self,
        side: Side,
        kind: u8,
        record: &[u8],
        after: Option<&[u8]>,
        place: usize,
        scene: &mut Scene<'_>,
    ) -> bool {
        let lost = self.half(side).search.flatten().map(|lost| lost + place as u64);
        let records = lost.map_or(SLACK_UNKNOWN, |lost| lost / RECORD_BYTES_MIN + 1);
        self.ask_for_keys(side, scene);
        let half = &mut self.halves[side.index()];
        let has_key = half.opener.is_some() || half.next_opener.is_some();
        if half.epoch == Epoch::Clear || !has_key || !half.parked.is_empty() {
            // Nothing can be verified; two headers in a row, or one that ends with the data, will do.
            let follows = after.is_none_or(|after| after.is_empty() || looks_like_tls(after));
            let clear = [HANDSHAKE, ALERT, CHANGE_CIPHER_SPEC].contains(&kind);
            if !follows || (half.epoch == Epoch::Clear && !clear && kind != APPLICATION_DATA) {
                return false;
            }
            half.search = None;
            if half.epoch != Epoch::Clear || !half.parked.is_empty() || kind == APPLICATION_DATA {
                half.park_loss(None);
            }
            self.record(side, record, scene);
            return true;
        }
        half.expect_lost(records);
        let mut plain = std::mem::take(&mut self.scratch);
        let opened = half.open(record, &mut plain);
        if let Some(opened) = opened {
            half.search = None;
            scene.wire_decoded(record.len());
            let overhead = half.opener.as_ref().map_or(0, |opener| opener.overhead_bytes());
            let framing = opened.skipped * (HEADER_BYTES + overhead) as u64;
            let content = lost.filter(|_| !opened.advanced).and_then(|l| l.checked_sub(framing));
            self.app.gap(side, content, scene);
            let text = plain.get(..opened.length).unwrap_or_default();
            self.content(side, opened.kind, text, scene);
        }
        self.scratch = plain;
        opened.is_some()
    }
}
