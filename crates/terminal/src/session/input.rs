//! What is to go to the Pod, in the order in which it came.
//! It knows nothing of sockets; `wire` writes what comes out here.
//!
//! Bounds: none of its own; the pump stops reading the browser while [`InputQueue::bytes`] is too much.

use crate::protocol::Size;
use bytes::Bytes;
use std::collections::VecDeque;

/// An entry without bytes counts too, so that empty frames cannot fill the memory.
const ENTRY_BYTES: usize = 64;

/// One thing that is to go to the Pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClusterInput {
    Stdin(Bytes),
    Resize(Size),
    EndOfStdin,
    Ping,
}

impl ClusterInput {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + if let Self::Stdin(frame) = self { frame.len() } else { 0 }
    }
}

/// Input on its way to the Pod.
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    due: VecDeque<ClusterInput>,
    bytes: usize,
    stdin_ended: bool,
}

impl InputQueue {
    pub(super) fn push(&mut self, input: ClusterInput) {
        let is_stdin = matches!(input, ClusterInput::Stdin(_) | ClusterInput::EndOfStdin);
        if is_stdin && self.stdin_ended {
            // The browser said that nothing more would come.
            return;
        }
        self.stdin_ended |= input == ClusterInput::EndOfStdin;
        match (&input, self.due.back_mut()) {
            // Only the last of several sizes that wait counts.
            (ClusterInput::Resize(size), Some(ClusterInput::Resize(waiting))) => *waiting = *size,
            _ => {
                self.bytes += input.bytes();
                self.due.push_back(input);
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<ClusterInput> {
        let input = self.due.pop_front()?;
        self.bytes -= input.bytes();
        Some(input)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// What waits here takes of the memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdin(text: &'static str) -> ClusterInput {
        ClusterInput::Stdin(Bytes::from_static(text.as_bytes()))
    }
    fn drained(queue: &mut InputQueue) -> Vec<ClusterInput> {
        std::iter::from_fn(|| queue.pop()).collect()
    }
    const SIZE: Size = Size { cols: 80, rows: 24 };

    #[test]
    fn everything_keeps_its_order_and_of_sizes_that_wait_the_last_counts() {
        let mut queue = InputQueue::default();
        queue.push(stdin("\0all "));
        queue.push(ClusterInput::Resize(Size { cols: 1, rows: 1 }));
        queue.push(ClusterInput::Resize(SIZE));
        queue.push(stdin("\0of it"));
        queue.push(ClusterInput::EndOfStdin);
        queue.push(ClusterInput::Ping);
        let all = [
            stdin("\0all "),
            ClusterInput::Resize(SIZE),
            stdin("\0of it"),
            ClusterInput::EndOfStdin,
            ClusterInput::Ping,
        ];
        assert_eq!(drained(&mut queue), all);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn nothing_follows_the_end_of_input() {
        let mut queue = InputQueue::default();
        queue.push(ClusterInput::EndOfStdin);
        queue.push(ClusterInput::EndOfStdin);
        queue.push(stdin("\0late"));
        assert_eq!(drained(&mut queue), [ClusterInput::EndOfStdin]);
    }

    #[test]
    fn entries_without_bytes_count() {
        let mut queue = InputQueue::default();
        for _ in 0..1000 {
            queue.push(stdin("\0"));
        }
        assert!(queue.bytes() >= 1000 * ENTRY_BYTES);
    }
}
