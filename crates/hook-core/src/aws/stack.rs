//! CloudFormation: what a stack says about itself.

use super::{
    Aws, Fault,
    signed::{Service, Speech, element},
};

const CLOUDFORMATION: Service = Service {
    id: "CLOUDFORMATION",
    host: "cloudformation",
    signing: "cloudformation",
    speech: Speech::Query("2010-05-15"),
    global: false,
};

impl Aws {
    /// DescribeStacks: the outputs of one stack, by its name or its ARN.
    pub async fn stack_outputs(&self, stack: &str) -> Result<Vec<(String, String)>, Fault> {
        let asked = [("StackName", stack)];
        let xml = self.signed.query(&CLOUDFORMATION, "cloudformation:DescribeStacks", &asked).await?;
        Ok(outputs(&xml))
    }
}

/// Each output has a key and, behind it, a value.
fn outputs(xml: &str) -> Vec<(String, String)> {
    let (_, list) = xml.split_once("<Outputs>").unwrap_or_default();
    let (list, _) = list.split_once("</Outputs>").unwrap_or_default();
    let one = |output: &str| (text(element(output, "OutputKey")), text(element(output, "OutputValue")));
    list.split("</member>").filter(|output| output.contains("<OutputKey>")).map(one).collect()
}

/// XML's five words for characters that it needs itself.
fn text(xml: &str) -> String {
    let words = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    words.iter().fold(xml.to_owned(), |text, (word, character)| text.replace(word, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_whatever_their_order() {
        let xml = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><Tags><member><Key>a</Key></member></Tags>\
                   <Outputs><member><OutputKey>A</OutputKey><OutputValue>x &amp;amp; y</OutputValue></member>\
                   <member><OutputValue>z</OutputValue><Description>d</Description><OutputKey>B</OutputKey></member></Outputs>\
                   <StackName>shop</StackName></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";
        let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(outputs(xml), [own("A", "x &amp; y"), own("B", "z")]);
        assert_eq!(outputs("<Stacks><member><Outputs/></member></Stacks>"), []);
    }
}
