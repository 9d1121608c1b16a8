//! What a person does who follows a guide: they look for words, not for selectors.

use serde_json::json;

use super::Chromium;

/// How WebDriver finds elements by what stands in them (XPath 1.0).
const XPATH: &str = "xpath";

impl Chromium {
    /// Follows the link of these words.
    pub(crate) async fn follow(&self, words: &str) {
        self.at(
            &format!("//a[normalize-space()={}]", quoted(words)),
            &[("click", json!({}))],
        )
        .await;
    }

    /// Follows a link in the row of a table that is headed by something.
    pub(crate) async fn follow_in_row(&self, head: &str, words: &str) {
        let row = format!("//tr[th[normalize-space()={}]]", quoted(head));
        let link = format!("{row}//a[normalize-space()={}]", quoted(words));
        self.at(&link, &[("click", json!({}))]).await;
    }

    /// Presses the button of these words.
    pub(crate) async fn press(&self, words: &str) {
        let button = format!("//button[normalize-space()={}]", quoted(words));
        self.at(&button, &[("click", json!({}))]).await;
    }

    /// Types into the field of this label, in place of what is there.
    pub(crate) async fn write(&self, label: &str, text: &str) {
        let deeds = [("clear", json!({})), ("value", json!({ "text": text }))];
        self.at(&labelled(label), &deeds).await;
    }

    /// Chooses an option of the list of this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        let option = format!("{}/option[normalize-space()={}]", labelled(label), quoted(option));
        self.at(&option, &[("click", json!({}))]).await;
    }

    /// Clicks the box of this label.
    pub(crate) async fn tick(&self, label: &str) {
        self.at(&labelled(label), &[("click", json!({}))]).await;
    }

    /// Whether the box of this label is ticked.
    pub(crate) async fn is_ticked(&self, label: &str) -> bool {
        let path = labelled(label);
        let what = format!("the box {label}");
        self.until(&what, async || {
            let element = self.try_find_by(XPATH, &path).await?;
            let path = format!("{}/element/{element}/selected", self.session);
            self.try_ask("GET", &path, &serde_json::Value::Null)
                .await
                .ok()?
                .as_bool()
        })
        .await
    }

    async fn at(&self, path: &str, deeds: &[(&str, serde_json::Value)]) {
        self.on_by(XPATH, path, deeds).await;
    }
}

/// The control that a label is for.
fn labelled(label: &str) -> String {
    format!("//*[@id=//label[normalize-space()={}]/@for]", quoted(label))
}

fn quoted(words: &str) -> String {
    assert!(
        !words.contains('"'),
        "XPath has no way to write a quote in quotes"
    );
    format!("\"{words}\"")
}
