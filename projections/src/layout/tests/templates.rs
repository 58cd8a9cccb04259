//! What is a template, and what is said of what is none.

use crate::layout::Template;

#[test]
fn a_template_shows_as_it_was_written() {
    for source in [
        Template::DEFAULT,
        "$title",
        "a\\$/${artist|tag:x y}/<<$disc>-$track>-$title",
    ] {
        let template: Template = source.parse().unwrap();
        assert_eq!(template.to_string(), source);
        assert_eq!(template.to_string().parse(), Ok(template));
    }
    assert_eq!(Template::default().to_string(), Template::DEFAULT);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let long = "a".repeat(Template::MAX_LEN + 1);
    let deep = format!("{}$title{}", "<".repeat(9), ">".repeat(9));
    let many = vec!["a"; 17].join("/");
    for (source, expected) in [
        (
            "$artsit/$title",
            "column 1: no variable is called \"artsit\"; did you mean '$artist'?",
        ),
        (
            "é/$format_uper",
            "column 3: no variable is called \"format_uper\"; did you mean '$format_upper'?",
        ),
        (
            "${artist|Title}",
            "column 10: no variable is called \"Title\"; did you mean '$title'?",
        ),
        (
            "${tag:lyrics}",
            "column 3: the tag \"lyrics\" cannot be part of a name",
        ),
        (
            "$xyzzy",
            "column 1: no variable is called \"xyzzy\"; there are artist, albumartist,",
        ),
        (
            "$5 $title",
            "column 1: a name is missing; write '\\$' for a dollar sign",
        ),
        ("cost $", "column 6: a name is missing"),
        ("${}", "column 3: a name is missing"),
        ("${artist|}", "column 10: a name is missing"),
        ("${tag:}", "column 3: a name is missing"),
        ("${artist", "column 1: '${' is never closed"),
        ("$title<($year)", "column 7: '<' is never closed"),
        ("$title>", "column 7: '>' closes nothing"),
        ("$title<live>", "column 7: '<…>' holds no variable"),
        ("<$disc/>$title", "column 7: '/' cannot stand within '<…>'"),
        ("a\\n", "column 2: '\\' can stand only before"),
        ("a\\", "column 2: '\\' can stand only before"),
        ("/$title", "column 1: a part of the path is empty"),
        ("a//$title", "column 3: a part of the path is empty"),
        ("$artist/", "column 9: the file's name is missing"),
        ("", "column 1: the file's name is missing"),
        (&long, "column 1025: longer than 1024 characters"),
        (&many, "column 34: more than 16 parts"),
        (&deep, "column 9: '<…>' within '<…>' more than 8 deep"),
    ] {
        let message = Template::parse(source).unwrap_err().to_string();
        let expected = format!("template, {expected}");
        assert!(
            message.starts_with(&expected),
            "{source}\n{message}\n{expected}"
        );
    }
}
