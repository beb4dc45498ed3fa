//! Checks on the steps of which an image was built, as its history tells them.
//! A step that left nothing in the history cannot be seen.

use super::{each, steps};
use crate::check::{Check, Example, Severity, Test};
use crate::checks::{cis, dockle, threat};
use crate::snapshot::place;
use crate::words::words;

pub(super) static CHECKS: &[Check] = &[
    image_check!(
        "image-history-secret",
        High,
        words("A secret stands in the image's history", "이미지의 빌드 기록에 비밀이 있습니다"),
        words(
            "Values of `ARG` and of commands stay in the image, although no file of it shows them.",
            "`ARG`와 명령의 값은 파일에 보이지 않아도 이미지에 남습니다."
        ),
        words(
            "Change the secret, and give it to the build by `RUN --mount=type=secret`.",
            "비밀을 바꾸고, 빌드에는 `RUN --mount=type=secret`으로 줍니다."
        ),
        [threat("E3"), cis("5.4.1"), dockle("CIS-DI-0010")],
        |object| each(place(object, &["secrets", "history"])),
        pass["secrets: {history: []}"],
        fail["secrets: {history: ['step 3, which is not shown']}"]
    ),
    image_check!(
        "image-step-add-address", Low,
        words("A step fetches from an address with `ADD`", "`ADD`로 주소에서 가져오는 단계가 있습니다"),
        words(
            "What was there at the time of the build is in the image, and nothing says what it was.",
            "빌드 시점에 그 주소에 있던 것이 이미지에 들어가며, 무엇이었는지 알 수 없습니다."
        ),
        words("Use `ADD --checksum`, or `COPY` what you verified.", "`ADD --checksum`을 쓰거나 검증한 것을 `COPY`합니다."),
        [threat("E3"), dockle("CIS-DI-0009")], |object| steps(object, adds_address),
        pass ["history: ['ADD file:abc in /']", "history: ['ADD --checksum=sha256:aa https://example.com/x /x']"],
        fail ["history: ['ADD https://example.com/x /x # buildkit']"]
    ),
    image_check!(
        "image-step-piped-install", Medium,
        words("A step runs what it fetches, unseen", "가져온 것을 확인 없이 실행하는 단계가 있습니다"),
        words(
            "Whoever controls the address at the time of a build puts into the image what they like.",
            "빌드할 때 그 주소를 가진 사람이 이미지에 무엇이든 넣을 수 있습니다."
        ),
        words("Fetch a named version, compare its digest, and run that.", "정해진 버전을 받아 다이제스트를 비교한 뒤 실행합니다."),
        [threat("E3"), dockle("CIS-DI-0011")], |object| steps(object, pipes),
        pass ["history: ['RUN curl -o x https://example.com/x && sha256sum -c x.sum']"],
        fail ["history: ['RUN curl -s https://example.com/x | sh']", "history: ['/bin/sh -c wget -O- https://example.com/x | bash -s']"]
    ),
    image_check!(
        "image-step-unverified-package", Medium,
        words("A step installs packages whose signature is not checked", "서명을 확인하지 않고 패키지를 설치하는 단계가 있습니다"),
        words(
            "A mirror, or whoever is between, can give other packages than the distribution's.",
            "미러나 중간자가 배포판의 것이 아닌 패키지를 줄 수 있습니다."
        ),
        words("Add the key of the packages' maker, and leave the check on.", "패키지 제작자의 키를 추가하고 확인을 켜 둡니다."),
        [threat("E3"), dockle("CIS-DI-0011")], |object| steps(object, |step| has_word(step, UNVERIFIED_PACKAGES)),
        pass ["history: ['RUN apk add curl']"],
        fail ["history: ['RUN apk add --allow-untrusted x.apk']", "history: ['RUN dnf install -y --nogpgcheck x']"]
    ),
    image_check!(
        "image-step-unverified-tls", Medium,
        words("A step fetches without verifying whom from", "상대를 검증하지 않고 가져오는 단계가 있습니다"),
        words(
            "Without a verified certificate anybody on the way answers in the server's place.",
            "인증서를 검증하지 않으면 경로의 누구나 서버 대신 응답할 수 있습니다."
        ),
        words("Add the authority that is needed and leave verification on.", "필요한 인증 기관을 추가하고 검증을 켜 둡니다."),
        [threat("E3"), dockle("CIS-DI-0011")], |object| steps(object, skips_tls),
        pass ["history: ['RUN curl -fsSL https://example.com/x -o x']"],
        fail ["history: ['RUN curl -k https://example.com/x -o x']", "history: ['RUN wget --no-check-certificate https://example.com/x']"]
    ),
    image_check!(
        "image-step-update-alone",
        Low,
        words(
            "A step updates the list of packages and installs none",
            "패키지 목록만 갱신하고 설치하지 않는 단계가 있습니다"
        ),
        words(
            "The list is kept with that layer, so that later builds install old versions from it.",
            "목록이 그 레이어에 캐시되어, 이후 빌드가 옛 버전을 설치합니다."
        ),
        words(
            "Put `update` and `install` into one step.",
            "`update`와 `install`을 한 단계에 둡니다."
        ),
        [threat("E3"), dockle("CIS-DI-0007")],
        |object| steps(object, only_updates),
        pass["history: ['RUN apt-get update && apt-get install -y curl']"],
        fail["history: ['RUN apt-get update']"]
    ),
    image_check!(
        "image-step-distribution-upgrade",
        Low,
        words("A step moves the whole distribution", "배포판 전체를 올리는 단계가 있습니다"),
        words(
            "The image is then of no release that anybody tested, and no two builds are alike.",
            "그러면 아무도 시험하지 않은 상태가 되고, 빌드마다 달라집니다."
        ),
        words("Build on a newer base image.", "더 새로운 기반 이미지로 빌드합니다."),
        [threat("E3"), dockle("DKL-DI-0003")],
        |object| steps(object, |step| has_word(step, &["dist-upgrade", "full-upgrade"])),
        pass["history: ['RUN apt-get upgrade -y']"],
        fail["history: ['RUN apt-get dist-upgrade -y']"]
    ),
    image_check!(
        "image-step-apk-cache",
        Info,
        words("A step of apk keeps its cache", "apk 단계가 캐시를 남깁니다"),
        words(
            "What is not needed to run only makes the image larger.",
            "실행에 필요 없는 것이 이미지를 키울 뿐입니다."
        ),
        words("Use `apk add --no-cache`.", "`apk add --no-cache`를 씁니다."),
        [threat("E3"), dockle("DKL-DI-0004")],
        |object| steps(object, |step| step.contains("apk add") && !has_word(step, &["--no-cache"])),
        pass["history: ['RUN apk add --no-cache curl']"],
        fail["history: ['RUN apk add curl']"]
    ),
    image_check!(
        "image-step-open-mode",
        Low,
        words("A step lets everybody write files", "모두에게 쓰기를 허용하는 단계가 있습니다"),
        words(
            "Whoever breaks into any program of the container can change what others run.",
            "컨테이너의 어떤 프로그램이든 장악하면 다른 프로그램이 실행할 것을 바꿀 수 있습니다."
        ),
        words("Give the files to the user that needs them.", "필요한 사용자에게 소유권을 줍니다."),
        [threat("E6")],
        |object| steps(object, |step| step.contains("chmod")
            && has_word(step, &["777", "0777", "a+w", "o+w", "a+rwx"])),
        pass["history: ['RUN chmod 755 /app']"],
        fail["history: ['RUN chmod -R 777 /app']"]
    ),
];

const UNVERIFIED_PACKAGES: &[&str] = &[
    "--allow-untrusted",
    "--allow-unauthenticated",
    "--force-yes",
    "--nogpgcheck",
    "--no-gpg-checks",
    "--nosignature",
    "[trusted=yes]",
];

fn words_of(step: &str) -> impl Iterator<Item = &str> {
    step.split(|letter: char| {
        letter.is_whitespace() || matches!(letter, ';' | '&' | '|' | '(' | ')')
    })
    .filter(|word| !word.is_empty())
}

fn has_word(step: &str, wanted: &[&str]) -> bool {
    words_of(step).any(|word| wanted.contains(&word))
}

fn adds_address(step: &str) -> bool {
    let mut words = words_of(step)
        .skip_while(|word| *word == "#(nop)" || word.starts_with("/bin/sh") || *word == "-c");
    words.next() == Some("ADD")
        && !step.contains("--checksum=")
        && words.any(|word| word.starts_with("http://") || word.starts_with("https://"))
}

/// What a fetcher prints goes into a shell.
fn pipes(step: &str) -> bool {
    let commands = step.split("&&").flat_map(|command| command.split(';'));
    commands.into_iter().any(|command| {
        let mut parts = command.split('|');
        let fetches = parts.next().is_some_and(|first| has_word(first, &["curl", "wget"]));
        fetches
            && parts.any(|part| {
                let program = words_of(part).find(|word| !matches!(*word, "sudo" | "-E" | "env"));
                program.is_some_and(|program| {
                    let name = program.rsplit('/').next().unwrap_or(program);
                    matches!(name, "sh" | "bash" | "ash" | "python" | "python3" | "perl" | "node")
                })
            })
    })
}

fn skips_tls(step: &str) -> bool {
    if has_word(step, &["--no-check-certificate", "--insecure"]) {
        return true;
    }
    let mut words = words_of(step);
    // Short flags of curl stand together: `-fsSLk`. They end where another command begins.
    words.any(|word| word == "curl" || word.ends_with("/curl"))
        && words.any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('k'))
}

fn only_updates(step: &str) -> bool {
    let updates = ["apt-get update", "apt update", "yum update", "apk update"];
    let installs = ["install", "apk add", "upgrade", "build-dep"];
    updates.iter().any(|update| step.contains(update))
        && !step.contains("yum update -")
        && !installs.iter().any(|install| step.contains(install))
}
