//! Parses XML replies into a tree, without namespaces and attributes: AWS's query protocols need neither.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Parses a document. An invalid document is an empty element: the client has already checked that it is complete.
    pub fn parse(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event() {
                Ok(Event::Start(start)) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref().as_bytes()).into_owned();
                    open.push(Self { name, ..Self::default() });
                }
                Ok(Event::Empty(start)) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref().as_bytes()).into_owned();
                    if let Some(last) = open.last_mut() {
                        last.children.push(Self { name, ..Self::default() });
                    }
                }
                Ok(Event::Text(text)) => {
                    if let Some(last) = open.last_mut() {
                        last.text += &text.xml10_content();
                    }
                }
                Ok(Event::GeneralRef(reference)) => {
                    let known = resolve_predefined_entity(&reference.xml10_content()).map(str::to_owned);
                    let letter = || reference.resolve_char_ref().ok().flatten().map(String::from);
                    if let (Some(last), Some(text)) = (open.last_mut(), known.or_else(letter)) {
                        last.text += &text;
                    }
                }
                Ok(Event::End(_)) => {
                    if let Some(done) = open.pop().filter(|_| !open.is_empty())
                        && let Some(last) = open.last_mut()
                    {
                        last.children.push(done);
                    }
                }
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => {}
            }
        }
        open.into_iter().next().and_then(|root| root.children.into_iter().next()).unwrap_or_default()
    }

    /// The first child with this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child with this name; empty if no child has it.
    pub fn text(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    /// The items of a list. Their element is `item` or `member`, depending on the service.
    pub fn items(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.child(name).into_iter().flat_map(|list| &list.children)
    }

    /// The items of a list of strings.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.items(name).map(|item| item.text.trim().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_tree() {
        let xml = "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><set>\n <item><id>a &amp; b</id><none/></item><item><id>c</id></item>\n</set></R>";
        let root = Element::parse(xml);
        let ids: Vec<_> = root.items("set").map(|item| item.text("id")).collect();
        assert_eq!(ids, ["a & b", "c"]);
        assert_eq!(root.text("none"), "");
        assert_eq!(Element::parse("]"), Element::default());
    }
}
