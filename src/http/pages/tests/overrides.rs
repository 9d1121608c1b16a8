//! The operator's templates, colour and logo.

use std::path::Path;

use super::*;

/// A folder with some files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

fn open(folder: &Path) -> Result<Look, String> {
    let settings = LookSettings {
        templates_dir: Some(folder.to_owned()),
        ..LookSettings::default()
    };
    Look::open(&settings).map_err(|fault| fault.to_string())
}

#[tokio::test]
async fn an_operators_template_takes_the_place_of_ours() {
    let own = "{% extends \"layout.html\" %}{% block content %}<p>Ours: {{ page.lead }}</p>{% endblock %}";
    let folder = folder(&[("notice.html", own), (".swp", "x"), ("ask.html~", "{{")]);
    let look = LookSettings {
        templates_dir: Some(folder.path().to_owned()),
        ..LookSettings::default()
    };
    // A notice asks for an address when a link is dead: without the field it would be of no use.
    let refused = Look::open(&look).unwrap_err().to_string();
    assert!(
        refused.contains("notice.html: the page has no field `email`"),
        "{refused}"
    );
    let own = own.replace(
        "{% endblock %}",
        "{% if page.ask %}{% set ask = page.ask %}{% include \"ask_form.html\" %}{% endif %}{% endblock %}",
    );
    std::fs::write(folder.path().join("notice.html"), own).unwrap();
    let house = House::looking(PUBLIC_URL, &look);
    let seen = house.post("/verify/request", &[("email", "x@example.org")]).await;
    assert!(seen.status == 200 && seen.has("<p>Ours: ") && seen.has("<main "));
}

#[test]
fn a_broken_template_stops_the_start_with_file_and_line() {
    for (files, told) in [
        (
            &[(
                "recover.html",
                "{% extends \"layout.html\" %}\n{% block content %}\n{% if %}",
            )][..],
            "recover.html, line 3: syntax error",
        ),
        (
            &[("email.html", "<p>\n{{ nobody }}</p>")],
            "email.html, line 2: a value that may be absent",
        ),
        (
            &[("account/overview.html", "{{ page.password }}")],
            "account/overview.html, line 1: a value that may be absent",
        ),
        (
            &[("layout.html", "{% include \"other.html\" %}")],
            "layout.html, line 1: it includes or extends",
        ),
        (
            &[("layout.html", "{% for i in range(10000000) %}{{ i }}{% endfor %}")],
            "layout.html, line 1:",
        ),
        (
            &[("recover.htm", "")],
            "no template has this name; the pages are layout.html,",
        ),
        (&[("account/sub/x.html", "")], "no template has this name"),
        (
            &[(
                "link.html",
                "{% extends \"layout.html\" %}{% block content %}<form></form>{% endblock %}",
            )],
            "the page has no field `token`",
        ),
    ] {
        let folder = folder(files);
        let refused = open(folder.path()).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
    assert!(
        open(Path::new("/nowhere/at/all")).is_ok(),
        "no folder is an empty one"
    );
}

#[tokio::test]
async fn r_33_colour_and_logo_are_files_of_our_own_and_a_logo_runs_nothing() {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let folder = folder(&[("logo.svg", svg)]);
    let look = LookSettings {
        colour: crate::types::Colour::parse("#ffcc00"),
        logo: Some(folder.path().join("logo.svg")),
        ..LookSettings::default()
    };
    let house = House::looking("https://example.com/way/in", &look);
    let page = house.get("/recover").await;
    let address = |name: &str| {
        let start = page.body.find(&format!("/{name}\"")).unwrap();
        let from = page.body[..start].rfind('"').unwrap() + 1;
        page.body[from..start].to_owned() + "/" + name
    };
    for (name, kind) in [("brand.css", "text/css"), ("logo.svg", "image/svg+xml")] {
        let address = address(name);
        assert!(address.starts_with("/way/in/assets/"), "{address}");
        let file = house.get(address.strip_prefix("/way/in").unwrap()).await;
        assert!(file.status == 200 && file.header("content-type").starts_with(kind));
        if name == "logo.svg" {
            assert!(file.header("content-security-policy").contains("sandbox"));
        } else {
            let (by_day, _by_night) = file.body.split_once("@media").unwrap();
            assert!(
                file.has("--mark: #ffcc00") && !by_day.contains("--accent: #ffcc00"),
                "yellow on white cannot be read"
            );
        }
    }
    assert!(page.has("class=\"logo\"") && page.has("alt=\"\""));
    let no_picture = LookSettings {
        logo: Some(folder.path().to_owned()),
        ..LookSettings::default()
    };
    assert!(
        Look::open(&no_picture)
            .unwrap_err()
            .to_string()
            .starts_with("brand_logo: ")
    );
}
