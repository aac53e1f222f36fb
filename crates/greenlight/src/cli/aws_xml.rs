//! Reads the XML replies of AWS's query protocols: elements by their names, without namespaces and attributes.

use hook_core::aws_inspector::AwsError;
use roxmltree::{Document, Node};

/// Parses a reply.
///
/// # Errors
/// If the reply is not XML.
pub fn parse<'a>(operation: &'static str, xml: &'a str) -> Result<Document<'a>, AwsError> {
    Document::parse(xml).map_err(|error| AwsError::missing_field(operation, format_args!("XML ({error})")))
}

pub trait ReplyNode<'a>: Sized {
    /// The first child element with this name.
    fn child(self, name: &str) -> Option<Self>;

    /// The text of the first child element with this name; empty if no child has it.
    fn text_of(self, name: &str) -> &'a str;

    /// The items of a list. Their element is `item` or `member`, depending on the service.
    fn items(self, name: &str) -> impl Iterator<Item = Self>;

    /// The items of a list of strings.
    fn texts(self, name: &str) -> Vec<String>;
}

impl<'a> ReplyNode<'a> for Node<'a, 'a> {
    fn child(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.tag_name().name() == name)
    }

    fn text_of(self, name: &str) -> &'a str {
        self.child(name).and_then(|child| child.text()).unwrap_or_default().trim()
    }

    fn items(self, name: &str) -> impl Iterator<Item = Self> {
        self.child(name).into_iter().flat_map(|list| list.children().filter(Node::is_element))
    }

    fn texts(self, name: &str) -> Vec<String> {
        self.items(name).map(|item| item.text().unwrap_or_default().trim().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_tree() {
        let xml = "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><set>\n <item><id>a &amp; b</id><none/></item><item><id>c</id></item>\n</set></R>";
        let document = parse("ec2:DescribeSubnets", xml).unwrap();
        let root = document.root_element();
        let ids: Vec<_> = root.items("set").map(|item| item.text_of("id")).collect();
        assert_eq!(ids, ["a & b", "c"]);
        assert_eq!(root.text_of("none"), "");
        assert!(parse("ec2:DescribeSubnets", "]").is_err());
    }
}
