//! The operator's mail templates in the console: which are in force, what they would say next, and what is wrong with them.

use std::fs;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_overriding_template_is_previewed_and_its_faults_are_told_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test/en/subject.txt");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "A try by {{ brand }} & Sons\n").unwrap();
    let mut house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    let dir = folder.path().to_owned();
    house.change_settings(move |settings| settings.templates_dir = Some(dir.clone()));
    house.restart().await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    let shown = async |path: &str| {
        let path = format!("/admin/system/templates{path}");
        house.page_of(&seat, &path).await.expect(200).markup()
    };
    let (name, ours) = (file.display().to_string(), "A try by Keyledger &amp; Sons");
    let list = shown("").await;
    assert!(list.contains(ours) && list.contains("Own file"), "{list}");
    let english = shown("/test/en").await;
    assert!(english.contains(ours) && english.contains(&name), "{english}");
    assert!(!english.contains("From the next start on"));
    let korean = shown("/test/ko").await;
    assert!(korean.contains("Built in") && !korean.contains(&name));

    // Another text counts from the next start on, and can be looked at before.
    fs::write(&file, "Something else of {{ brand }}\n").unwrap();
    let later = shown("/test/en").await;
    assert!(later.contains(ours) && later.contains("From the next start on"));
    assert!(later.contains("Something else of Keyledger"), "{later}");

    // One that would stop the next start is told with its line; what is in force stays.
    fs::write(&file, "\n{{ brand }} of {{ nobody }}\n").unwrap();
    for page in [shown("").await, shown("/test/en").await] {
        assert!(page.contains("cannot be used") && page.contains(ours), "{page}");
        assert!(
            page.contains(&format!("{name}, line 2: there is no `nobody`")),
            "{page}"
        );
    }
}
