//! Checks on the accounts of an image, as its `passwd` and `shadow` have them.
//! As whom a container runs is the configuration's, or the Pod's.

use super::{each, files, whole};
use crate::check::{Check, Example, Severity, Test};
use crate::checks::{dockle, threat};
use crate::snapshot::place;
use crate::words::words;

pub(super) static CHECKS: &[Check] = &[
    image_check!(
        "image-empty-password",
        High,
        words(
            "An account of the image has no password and needs none",
            "이미지의 계정이 비밀번호 없이 열려 있습니다"
        ),
        words(
            "Whoever reaches a login, or `su`, becomes that user.",
            "로그인이나 `su`에 닿는 누구나 그 사용자가 됩니다."
        ),
        words("Lock it: `passwd -l`.", "잠급니다: `passwd -l`."),
        [threat("E6"), dockle("DKL-LI-0001")],
        |object| whole(object, "accounts", each(place(object, &["accounts", "emptyPassword"]))),
        pass["accounts: {emptyPassword: []}"],
        fail["accounts: {emptyPassword: [app]}"]
    ),
    image_check!(
        "image-second-root",
        High,
        words("An account other than root is root", "root가 아닌 계정이 root입니다"),
        words(
            "Its number is 0, which is all that counts; its name hides it.",
            "번호가 0이면 root입니다. 이름은 그것을 감출 뿐입니다."
        ),
        words("Give it a number of its own, or remove it.", "다른 번호를 주거나 제거합니다."),
        [threat("E6"), dockle("DKL-LI-0002")],
        |object| whole(object, "accounts", each(place(object, &["accounts", "root"]))),
        pass["accounts: {root: []}"],
        fail["accounts: {root: [toor]}"]
    ),
    image_check!(
        "image-shared-user-id",
        Low,
        words("Two accounts of the image have one number", "두 계정이 같은 번호를 씁니다"),
        words(
            "To the kernel they are one user: what is one's is the other's.",
            "커널에게는 한 사용자이므로, 한쪽의 것이 다른 쪽의 것입니다."
        ),
        words("Give each a number of its own.", "각각 다른 번호를 줍니다."),
        [threat("E6"), dockle("DKL-LI-0002")],
        |object| whole(object, "accounts", each(place(object, &["accounts", "shared"]))),
        pass["accounts: {shared: []}"],
        fail["accounts: {shared: ['1000: app, web']}"]
    ),
    image_check!(
        "image-account-file-writable",
        High,
        words(
            "Others than root may change the accounts",
            "root가 아닌 사용자가 계정을 바꿀 수 있습니다"
        ),
        words(
            "A line in `passwd` makes root of whoever writes it.",
            "`passwd`에 한 줄을 쓰면 root가 됩니다."
        ),
        words(
            "Set its mode to 0644, and that of `shadow` to 0640.",
            "모드를 0644로, `shadow`는 0640으로 합니다."
        ),
        [threat("E6")],
        |object| files(object, "writableAccounts"),
        pass["files: {}"],
        fail["files: {writableAccounts: {etc/passwd: '0664'}}"]
    ),
];
