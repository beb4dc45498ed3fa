//! A filter as the condition by which the store looks for units, so that a filter means the same on the command
//! line and in the console. A property test holds the two together.
//! How a condition is asked of a database is the store's.

use super::{Comparison, Field, Filter, Node};
use store::{TrafficComparison, TrafficCondition, TrafficNumberField, TrafficTextField};

impl Filter {
    /// The same for stored units.
    pub(crate) fn condition(&self) -> TrafficCondition {
        condition(&self.0)
    }
}

fn condition(node: &Node) -> TrafficCondition {
    match node {
        Node::All(nodes) => TrafficCondition::All(nodes.iter().map(condition).collect()),
        Node::Any(nodes) => TrafficCondition::Any(nodes.iter().map(condition).collect()),
        Node::Not(node) => TrafficCondition::Not(Box::new(condition(node))),
        Node::Compare { field, comparison, value, number } => {
            let comparison = of(*comparison);
            match (field.stored(), number) {
                (Stored::Number(field), Some(number)) => TrafficCondition::Number {
                    field,
                    comparison,
                    value: i64::try_from(*number).unwrap_or(i64::MAX),
                },
                (Stored::Number(field), None) => TrafficCondition::Text {
                    field: TrafficTextField::Digits(field),
                    comparison,
                    value: value.clone(),
                },
                (Stored::Text(field), _) => {
                    TrafficCondition::Text { field, comparison, value: value.clone() }
                }
            }
        }
    }
}

fn of(comparison: Comparison) -> TrafficComparison {
    match comparison {
        Comparison::Equal => TrafficComparison::Equal,
        Comparison::NotEqual => TrafficComparison::NotEqual,
        Comparison::Less => TrafficComparison::Less,
        Comparison::LessOrEqual => TrafficComparison::LessOrEqual,
        Comparison::Greater => TrafficComparison::Greater,
        Comparison::GreaterOrEqual => TrafficComparison::GreaterOrEqual,
        Comparison::Contains => TrafficComparison::Contains,
    }
}

/// What a field is in the store.
enum Stored {
    Number(TrafficNumberField),
    Text(TrafficTextField),
}

impl Field {
    fn stored(self) -> Stored {
        use {TrafficNumberField as Number, TrafficTextField as Text};
        match self {
            Self::Number => Stored::Number(Number::Number),
            Self::Connection => Stored::Number(Number::Connection),
            Self::Stream => Stored::Number(Number::Stream),
            Self::Port => Stored::Number(Number::Port),
            Self::Length => Stored::Number(Number::Length),
            Self::Status => Stored::Number(Number::Status),
            Self::LatencyMs => Stored::Number(Number::LatencyMs),
            Self::Side => Stored::Text(Text::Side),
            Self::Source => Stored::Text(Text::Source),
            Self::Destination => Stored::Text(Text::Destination),
            Self::Protocol => Stored::Text(Text::Protocol),
            Self::Info => Stored::Text(Text::Info),
            Self::User => Stored::Text(Text::User),
            Self::Method => Stored::Text(Text::Method),
            Self::Path => Stored::Text(Text::Path),
            Self::Verb => Stored::Text(Text::Verb),
            Self::Group => Stored::Text(Text::Group),
            Self::Resource => Stored::Text(Text::Resource),
            Self::Subresource => Stored::Text(Text::Subresource),
            Self::Namespace => Stored::Text(Text::Namespace),
            Self::Name => Stored::Text(Text::Name),
            Self::Header => Stored::Text(Text::Header),
        }
    }
}
