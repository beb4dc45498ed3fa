//! Checks on what an image tells a runtime: its user, environment, ports, volumes; and which distribution it is of.
//! What a Pod makes of it is the manifest's; a Pod can set a user of its own.

use super::each;
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::checks::{cis, dockle, nsa, threat};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::{Words, words};

const NO_DISTRIBUTION: Words = words(
    "the image does not say of which distribution it is",
    "이미지에 어느 배포판인지 알려 주는 정보가 없습니다",
);

/// Releases that had ended when this was written, by the oldest that had not.
const OLDEST: &[(&str, u32, u32)] = &[
    ("debian", 12, 0),
    ("ubuntu", 22, 4),
    ("alpine", 3, 22),
    ("centos", 9, 0),
    ("rocky", 8, 0),
    ("almalinux", 8, 0),
    ("rhel", 8, 0),
    ("fedora", 43, 0),
    ("opensuse-leap", 16, 0),
    ("amzn", 2023, 0),
];

/// Ports on which debuggers of Go, Java, Node.js and Python listen.
const DEBUG_PORTS: &[&str] = &["2345", "5005", "5678", "9229"];

pub(super) static CHECKS: &[Check] = &[
    image_check!(
        "image-user-root", Medium,
        words("The image runs as root unless a Pod says otherwise", "Pod가 달리 정하지 않으면 이미지가 root로 실행됩니다"),
        words(
            "Who breaks out of the program is root in the container, and one fault of the kernel from the node.",
            "프로그램을 장악하면 컨테이너의 root가 되고, 커널 결함 하나면 노드에 닿습니다."
        ),
        words("End the Dockerfile with `USER` and a number above 0.", "Dockerfile을 `USER`와 0보다 큰 숫자로 끝냅니다."),
        [threat("E6"), dockle("CIS-DI-0001"), nsa("Pod security")], root,
        pass ["config: {user: '10001'}"], fail ["config: {user: ''}", "config: {user: '0:0'}", "config: {user: root}"]
    ),
    image_check!(
        "image-user-name", Low,
        words("The image names its user by a word", "이미지가 사용자를 이름으로 지정합니다"),
        words(
            "A kubelet cannot tell whether a name is root, and refuses the Pod if it must run as another.",
            "kubelet은 이름만으로 root인지 알 수 없어, `runAsNonRoot`인 Pod의 실행을 거부합니다."
        ),
        words("Write the user's number in `USER`.", "`USER`에 사용자의 숫자를 적습니다."),
        [threat("E6"), nsa("Pod security")], named_user,
        pass ["config: {user: '10001'}", "config: {user: root}"], fail ["config: {user: app}"]
    ),
    image_check!(
        "image-environment-secret",
        High,
        words("A secret stands in the image's environment", "이미지의 환경 변수에 비밀이 있습니다"),
        words(
            "Whoever may pull the image reads it, and so does every process of every container of it.",
            "이미지를 가져올 수 있는 누구나, 그리고 그 컨테이너의 모든 프로세스가 읽습니다."
        ),
        words(
            "Take it out, change the secret, and give it to the Pod as a mounted Secret.",
            "빼고, 비밀을 바꾼 뒤, 마운트한 Secret으로 Pod에 줍니다."
        ),
        [threat("E3"), cis("5.4.1"), dockle("CIS-DI-0010")],
        |object| each(place(object, &["secrets", "environment"])),
        pass["secrets: {environment: {}}"],
        fail["secrets: {environment: {DB_PASSWORD: (8 characters)}}"]
    ),
    image_check!(
        "image-environment-preload",
        Medium,
        words(
            "The environment puts a library before all others",
            "환경 변수가 라이브러리를 모든 것보다 먼저 불러옵니다"
        ),
        words(
            "A library that is loaded first can replace every function of every program, which is how rootkits hide.",
            "가장 먼저 불러온 라이브러리는 모든 프로그램의 함수를 바꿀 수 있으며, 루트킷이 숨는 방법입니다."
        ),
        words(
            "Remove `LD_PRELOAD`, or link what is needed.",
            "`LD_PRELOAD`를 없애거나 필요한 것을 링크합니다."
        ),
        [threat("E3")],
        |object| settings(object, |name, value| name == "LD_PRELOAD" && !value.is_empty()),
        pass["config: {environment: {PATH: /bin}}"],
        fail["config: {environment: {LD_PRELOAD: /tmp/x.so}}"]
    ),
    image_check!(
        "image-environment-unverified-tls", Medium,
        words("The environment switches the verification of certificates off", "환경 변수가 인증서 검증을 끕니다"),
        words(
            "Every connection of the program can then be read and changed by whoever is between.",
            "프로그램의 모든 연결을 중간에 있는 사람이 읽고 바꿀 수 있습니다."
        ),
        words("Remove the setting and trust the authority that is needed.", "설정을 없애고 필요한 인증 기관을 신뢰하게 합니다."),
        [threat("E10"), nsa("Network separation")], |object| settings(object, verifies_nothing),
        pass ["config: {environment: {NODE_TLS_REJECT_UNAUTHORIZED: '1'}}"],
        fail ["config: {environment: {NODE_TLS_REJECT_UNAUTHORIZED: '0'}}", "config: {environment: {GIT_SSL_NO_VERIFY: 'true'}}"]
    ),
    image_check!(
        "image-path-relative", Medium,
        words("Programs are looked for in folders that anybody can write, or wherever one stands", "누구나 쓸 수 있는 폴더나 현재 폴더에서 프로그램을 찾습니다"),
        words(
            "Whoever can put a file there has it started in place of the program that was meant.",
            "그곳에 파일을 둘 수 있으면 원래 프로그램 대신 실행됩니다."
        ),
        words("Leave only folders of programs in `PATH`.", "`PATH`에는 프로그램 폴더만 남깁니다."),
        [threat("E3")], |object| settings(object, |name, value| name == "PATH" && value.split(':').any(is_open_folder)),
        pass ["config: {environment: {PATH: '/usr/bin:/bin'}}"],
        fail ["config: {environment: {PATH: '/usr/bin:.'}}", "config: {environment: {PATH: '/tmp/bin:/bin'}}"]
    ),
    image_check!(
        "image-health-check",
        Info,
        words(
            "The image tells nobody how to see that it is well",
            "이미지에 상태 확인 방법이 없습니다"
        ),
        words(
            "Kubernetes asks the Pod's probes and not the image, but other runtimes, and people, ask the image.",
            "Kubernetes는 이미지가 아니라 Pod의 프로브를 쓰지만, 다른 런타임과 사람은 이미지를 봅니다."
        ),
        words(
            "Add `HEALTHCHECK`, and probes to the Pod.",
            "`HEALTHCHECK`를, Pod에는 프로브를 추가합니다."
        ),
        [threat("E8"), dockle("CIS-DI-0006")],
        |object| {
            let check = place(object, &["config", "healthcheck"]);
            Outcome::fail_if(!check.is_set(), check)
        },
        pass["config: {healthcheck: 'CMD true'}"],
        fail["config: {user: '1'}"]
    ),
    image_check!(
        "image-debug-port",
        Low,
        words("The image publishes the port of a debugger", "이미지가 디버거의 포트를 노출합니다"),
        words(
            "A debugger does what it is asked, without asking who asks.",
            "디버거는 누가 시키는지 묻지 않고 실행합니다."
        ),
        words("Build what is released without the debugger.", "배포용은 디버거 없이 빌드합니다."),
        [threat("E3")],
        |object| ports(object, |port| DEBUG_PORTS.contains(&port)),
        pass["config: {ports: [8080/tcp]}"],
        fail["config: {ports: [5005/tcp]}"]
    ),
    image_check!(
        "image-login-port",
        Medium,
        words("The image publishes the port of a login", "이미지가 로그인 포트를 노출합니다"),
        words(
            "Who logs in past Kubernetes is neither asked for rights nor recorded.",
            "Kubernetes를 거치지 않는 로그인은 권한 확인도 기록도 없습니다."
        ),
        words(
            "Enter by `kubectl exec` or a presigned link; remove the server.",
            "`kubectl exec`나 사전 서명 링크로 들어가고 서버를 제거합니다."
        ),
        [threat("E8")],
        |object| ports(object, |port| matches!(port, "22" | "23")),
        pass["config: {ports: [8080/tcp]}"],
        fail["config: {ports: [22/tcp]}"]
    ),
    image_check!(
        "image-sensitive-volume", Medium,
        words("The image declares a volume over a folder of the system", "이미지가 시스템 폴더를 볼륨으로 선언합니다"),
        words(
            "What is mounted there decides who may do what, and may come from the node.",
            "그곳에 마운트되는 것이 권한을 정하며, 노드에서 올 수도 있습니다."
        ),
        words("Declare only folders of the program's own data.", "프로그램 자신의 데이터 폴더만 선언합니다."),
        [threat("E6"), dockle("DKL-DI-0002")],
        |object| {
            let volumes = place(object, &["config", "volumes"]).node().map_or(&[][..], Node::items);
            let wrong = volumes.iter().filter(|volume| volume.text().is_some_and(is_of_the_system));
            Outcome::of(wrong.map(Place::of))
        },
        pass ["config: {volumes: [/var/lib/shop]}"], fail ["config: {volumes: [/etc]}", "config: {volumes: [/]}"]
    ),
    image_check!(
        "image-distribution-ended", High,
        words("The image's distribution is no longer mended", "이미지의 배포판 지원이 끝났습니다"),
        words(
            "Vulnerabilities found since then stay open, and often nobody writes them down any more.",
            "이후 발견된 취약점은 그대로 남고, 기록조차 되지 않는 경우가 많습니다."
        ),
        words("Build on a release that is supported.", "지원되는 릴리스를 바탕으로 다시 빌드합니다."),
        [threat("E9"), threat("E3"), dockle("CIS-DI-0002")], ended,
        pass ["distribution: {id: debian, version: '12'}", "distribution: {id: wolfi, version: ''}"],
        fail ["distribution: {id: debian, version: '9'}", "distribution: {id: ubuntu, version: '20.04'}", "distribution: {id: alpine, version: 3.15.4}"]
    ),
];

fn root(object: &Object) -> Outcome<'_> {
    let user = place(object, &["config", "user"]);
    let name = user.node().and_then(Node::text).unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    Outcome::fail_if(matches!(name, "" | "root") || name.parse() == Ok(0), user)
}

fn named_user(object: &Object) -> Outcome<'_> {
    let user = place(object, &["config", "user"]);
    let name = user.node().and_then(Node::text).unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let is_word = !matches!(name, "" | "root") && name.parse::<u64>().is_err();
    Outcome::fail_if(is_word, user)
}

/// Every setting of the environment for which this holds is wrong.
fn settings<'a>(object: &'a Object, wrong: impl Fn(&str, &str) -> bool) -> Outcome<'a> {
    let all = place(object, &["config", "environment"]).node().map_or(&[][..], Node::entries);
    let wrong = all.iter().filter(|entry| wrong(&entry.key, entry.node.text().unwrap_or_default()));
    Outcome::of(wrong.map(|entry| Place::of(&entry.node)))
}

fn verifies_nothing(name: &str, value: &str) -> bool {
    match name {
        "NODE_TLS_REJECT_UNAUTHORIZED" | "PYTHONHTTPSVERIFY" => value == "0",
        "GIT_SSL_NO_VERIFY" => !matches!(value, "" | "0" | "false"),
        "NPM_CONFIG_STRICT_SSL" | "npm_config_strict_ssl" => value == "false",
        "GOINSECURE" | "PIP_TRUSTED_HOST" => !value.is_empty(),
        _ => false,
    }
}

fn is_open_folder(folder: &str) -> bool {
    !folder.starts_with('/')
        || ["/tmp", "/var/tmp", "/dev/shm"]
            .iter()
            .any(|open| folder == *open || folder.starts_with(&format!("{open}/")))
}

fn ports<'a>(object: &'a Object, wrong: impl Fn(&str) -> bool) -> Outcome<'a> {
    let all = place(object, &["config", "ports"]).node().map_or(&[][..], Node::items).iter();
    let number = |port: &&Node| {
        port.text().is_some_and(|text| wrong(text.split('/').next().unwrap_or_default()))
    };
    Outcome::of(all.filter(number).map(Place::of))
}

fn is_of_the_system(folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    [
        "",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib64",
        "/proc",
        "/sys",
        "/usr",
        "/bin",
        "/sbin",
        "/var/run/docker.sock",
    ]
    .contains(&folder)
}

fn ended(object: &Object) -> Outcome<'_> {
    let distribution = place(object, &["distribution"]);
    let version = distribution.get("version");
    let Some(id) = distribution.get("id").node().and_then(Node::text) else {
        return Outcome::NotApplicable(NO_DISTRIBUTION);
    };
    let text = version.node().and_then(Node::text).unwrap_or_default();
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    let found: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let is_old = |(own, major, minor): &(&str, u32, u32)| *own == id && found < (*major, *minor);
    // Without a number it rolls, or says nothing of its age.
    Outcome::fail_if(found.0 > 0 && OLDEST.iter().any(is_old), version)
}
