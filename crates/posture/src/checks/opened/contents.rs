//! Checks on the files of an image: what they may do, what they hold, and what nobody needs there.
//! Which files are notable is `paths`'; that a layer above took one away again is the caller's to see.

use super::{files, whole};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::checks::{cis, dockle, nsa, threat};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::words;

/// Devices that a runtime puts into every container, so that they are nothing new; base images made by debootstrap have
/// them.
const EVERYWHERE: &[&str] = &[
    "dev/console",
    "dev/full",
    "dev/null",
    "dev/ptmx",
    "dev/random",
    "dev/tty",
    "dev/urandom",
    "dev/zero",
];

pub(super) static CHECKS: &[Check] = &[
    image_check!(
        "image-private-key",
        High,
        words("The image holds a private key", "이미지에 개인 키가 있습니다"),
        words(
            "Whoever may pull the image has the key, and every copy of the image for ever.",
            "이미지를 가져올 수 있는 누구나 키를 갖게 되고, 사본마다 영원히 남습니다."
        ),
        words(
            "Change the key, and mount the new one from a Secret.",
            "키를 바꾸고 새 키는 Secret에서 마운트합니다."
        ),
        [threat("E3"), cis("5.4.1"), dockle("CIS-DI-0010")],
        |object| files(object, "privateKeys"),
        pass["files: {}"],
        fail["files: {privateKeys: {etc/tls/server.key: PEM}}"]
    ),
    image_check!(
        "image-credential-file",
        High,
        words("The image holds a file of credentials", "이미지에 자격 증명 파일이 있습니다"),
        words(
            "Clouds, registries and clusters take whoever shows it for the person whose it was.",
            "클라우드, 레지스트리, 클러스터는 그것을 가진 사람을 주인으로 여깁니다."
        ),
        words(
            "Revoke what is in it, and exclude it by `.dockerignore`.",
            "들어 있는 것을 폐기하고 `.dockerignore`로 제외합니다."
        ),
        [threat("E3"), cis("5.4.1"), dockle("CIS-DI-0010")],
        |object| files(object, "credentials"),
        pass["files: {}"],
        fail["files: {credentials: {root/.aws/credentials: 120 bytes}}"]
    ),
    image_check!(
        "image-setuid",
        Low,
        words(
            "A program runs as its owner, whoever starts it",
            "누가 실행하든 소유자로 실행되는 프로그램이 있습니다"
        ),
        words(
            "A fault in it makes root of any user of the container, unless the Pod forbids privilege escalation.",
            "Pod가 권한 상승을 금지하지 않으면, 그 결함으로 컨테이너의 아무 사용자나 root가 됩니다."
        ),
        words("Take the bit away: `chmod u-s`.", "비트를 없앱니다: `chmod u-s`."),
        [threat("E6"), dockle("CIS-DI-0008")],
        |object| files(object, "setuid"),
        pass["files: {}"],
        fail["files: {setuid: {usr/bin/su: '4755'}}"]
    ),
    image_check!(
        "image-setgid",
        Low,
        words(
            "A program runs with its group, whoever starts it",
            "누가 실행하든 자신의 그룹으로 실행되는 프로그램이 있습니다"
        ),
        words(
            "A fault in it gives the files of that group to any user of the container.",
            "그 결함으로 컨테이너의 아무 사용자나 그 그룹의 파일에 닿습니다."
        ),
        words("Take the bit away: `chmod g-s`.", "비트를 없앱니다: `chmod g-s`."),
        [threat("E6"), dockle("CIS-DI-0008")],
        |object| files(object, "setgid"),
        pass["files: {}"],
        fail["files: {setgid: {usr/bin/wall: '2755'}}"]
    ),
    image_check!(
        "image-world-writable",
        Low,
        words("Everybody may write a file of the image", "이미지의 파일에 누구나 쓸 수 있습니다"),
        words(
            "Who breaks into one program changes what another reads or runs.",
            "한 프로그램을 장악하면 다른 프로그램이 읽거나 실행할 것을 바꿀 수 있습니다."
        ),
        words("Take the right away: `chmod o-w`.", "권한을 없앱니다: `chmod o-w`."),
        [threat("E6"), nsa("Pod security")],
        |object| files(object, "writable"),
        pass["files: {}"],
        fail["files: {writable: {app/run.sh: '0777'}}"]
    ),
    image_check!(
        "image-device-file",
        Medium,
        words("The image holds a device", "이미지에 장치 파일이 있습니다"),
        words(
            "With the right to use it, a device leads to disks and memory of the node.",
            "쓸 권한이 있으면 장치는 노드의 디스크와 메모리로 이어집니다."
        ),
        words(
            "Remove it; a runtime makes the devices that a container needs.",
            "제거합니다. 필요한 장치는 런타임이 만듭니다."
        ),
        [threat("E6")],
        devices,
        pass["files: {}", "files: {devices: {dev/null: '0666'}}"],
        fail["files: {devices: {dev/sda: '0660'}}"]
    ),
    image_check!(
        "image-authorized-keys",
        Medium,
        words("The image lets somebody's key in", "이미지가 누군가의 키로 로그인을 허용합니다"),
        words(
            "Whoever holds the key enters every container of the image in which a server of SSH runs.",
            "그 키를 가진 사람은 SSH 서버가 도는 모든 컨테이너에 들어갑니다."
        ),
        words("Remove `authorized_keys`.", "`authorized_keys`를 제거합니다."),
        [threat("E3"), threat("E8")],
        |object| files(object, "authorizedKeys"),
        pass["files: {}"],
        fail["files: {authorizedKeys: {root/.ssh/authorized_keys: 400 bytes}}"]
    ),
    image_check!(
        "image-login-server",
        Medium,
        words("The image holds a server for logins", "이미지에 로그인 서버가 있습니다"),
        words(
            "Who logs in past Kubernetes is neither asked for rights nor recorded.",
            "Kubernetes를 거치지 않는 로그인은 권한 확인도 기록도 없습니다."
        ),
        words(
            "Remove it; enter by `kubectl exec` or a presigned link.",
            "제거하고 `kubectl exec`나 사전 서명 링크로 들어갑니다."
        ),
        [threat("E8"), threat("E3")],
        |object| files(object, "sshServer"),
        pass["files: {}"],
        fail["files: {sshServer: {usr/sbin/sshd: '0755'}}"]
    ),
    image_check!(
        "image-sudo",
        Low,
        words(
            "The image holds a program that makes root of a user",
            "이미지에 사용자를 root로 만드는 프로그램이 있습니다"
        ),
        words(
            "A container runs as one user; what changes it serves an attacker alone.",
            "컨테이너는 한 사용자로 실행됩니다. 이를 바꾸는 것은 공격자에게만 쓸모가 있습니다."
        ),
        words(
            "Remove it, and do at build time what needs root.",
            "제거하고, root가 필요한 일은 빌드할 때 합니다."
        ),
        [threat("E6"), dockle("DKL-DI-0001")],
        |object| files(object, "sudo"),
        pass["files: {}"],
        fail["files: {sudo: {usr/bin/sudo: '4755'}}"]
    ),
    image_check!(
        "image-attack-tool",
        Low,
        words(
            "The image holds tools that look at networks and processes",
            "이미지에 네트워크와 프로세스를 들여다보는 도구가 있습니다"
        ),
        words(
            "An attacker finds there what they would have to bring otherwise.",
            "공격자가 가져와야 할 도구가 이미 그곳에 있습니다."
        ),
        words(
            "Remove them; debug with an ephemeral container.",
            "제거하고, 디버깅은 임시 컨테이너로 합니다."
        ),
        [threat("E3"), dockle("CIS-DI-0003")],
        |object| files(object, "attackTools"),
        pass["files: {}"],
        fail["files: {attackTools: {usr/bin/nmap: '0755'}}"]
    ),
    image_check!(
        "image-runtime-client",
        Low,
        words(
            "The image holds a client of a cluster or a runtime",
            "이미지에 클러스터나 런타임의 클라이언트가 있습니다"
        ),
        words(
            "With a mounted token or socket it is all that is needed to take more.",
            "마운트된 토큰이나 소켓이 있으면 그것만으로 더 많은 것을 가져갈 수 있습니다."
        ),
        words(
            "Remove it where the program does not need it.",
            "프로그램에 필요하지 않으면 제거합니다."
        ),
        [threat("E7"), threat("E6")],
        |object| files(object, "runtimeClients"),
        pass["files: {}"],
        fail["files: {runtimeClients: {usr/local/bin/kubectl: '0755'}}"]
    ),
    image_check!(
        "image-compiler",
        Info,
        words("The image holds a compiler", "이미지에 컴파일러가 있습니다"),
        words(
            "What built the program is not needed to run it, and builds an attacker's programs, too.",
            "빌드 도구는 실행에 필요 없으며, 공격자의 프로그램도 빌드합니다."
        ),
        words(
            "Build in one stage, and copy the result into another.",
            "한 단계에서 빌드하고 결과만 다른 단계로 복사합니다."
        ),
        [threat("E3"), dockle("CIS-DI-0003")],
        |object| files(object, "compilers"),
        pass["files: {}"],
        fail["files: {compilers: {usr/bin/gcc: '0755'}}"]
    ),
    image_check!(
        "image-package-manager",
        Info,
        words("The image holds a package manager", "이미지에 패키지 관리자가 있습니다"),
        words(
            "Programs come by builds; what is installed into a running container is in no inventory.",
            "프로그램은 빌드로 들어와야 합니다. 실행 중에 설치한 것은 어떤 목록에도 없습니다."
        ),
        words(
            "Build on a base image without one, where that is possible.",
            "가능하면 패키지 관리자가 없는 기반 이미지를 씁니다."
        ),
        [threat("E3"), nsa("Pod security")],
        |object| files(object, "packageManagers"),
        pass["files: {}"],
        fail["files: {packageManagers: {usr/bin/apt-get: '0755'}}"]
    ),
    image_check!(
        "image-version-control",
        Medium,
        words("The image holds the history of its sources", "이미지에 소스의 변경 이력이 있습니다"),
        words(
            "Everything that was ever in the repository is in it, secrets that were deleted too.",
            "저장소에 한 번이라도 있던 모든 것이, 지운 비밀까지 들어 있습니다."
        ),
        words("Exclude `.git` by `.dockerignore`.", "`.dockerignore`로 `.git`을 제외합니다."),
        [threat("E3"), dockle("DKL-LI-0003")],
        |object| files(object, "versionControl"),
        pass["files: {}"],
        fail["files: {versionControl: {app/.git/HEAD: 23 bytes}}"]
    ),
    image_check!(
        "image-build-file",
        Info,
        words(
            "The image holds files that only its build needs",
            "이미지에 빌드에만 필요한 파일이 있습니다"
        ),
        words(
            "They tell an attacker how the image was made.",
            "이미지가 어떻게 만들어졌는지 공격자에게 알려 줍니다."
        ),
        words("Exclude them by `.dockerignore`.", "`.dockerignore`로 제외합니다."),
        [threat("E3"), dockle("DKL-LI-0003")],
        |object| files(object, "buildFiles"),
        pass["files: {}"],
        fail["files: {buildFiles: {app/Dockerfile: 300 bytes}}"]
    ),
    image_check!(
        "image-shell-history",
        Low,
        words("The image holds what somebody typed", "이미지에 누군가 입력한 명령 기록이 있습니다"),
        words(
            "Histories of shells hold passwords and addresses more often than one would think.",
            "셸 기록에는 생각보다 자주 비밀번호와 주소가 남아 있습니다."
        ),
        words("Remove them, and build by a Dockerfile.", "제거하고 Dockerfile로 빌드합니다."),
        [threat("E3")],
        |object| files(object, "shellHistory"),
        pass["files: {}"],
        fail["files: {shellHistory: {root/.bash_history: 80 bytes}}"]
    ),
    image_check!(
        "image-package-cache",
        Info,
        words(
            "The image holds lists or packages that were only needed to install",
            "이미지에 설치에만 필요했던 목록이나 패키지가 있습니다"
        ),
        words(
            "They make the image larger, and old lists install old versions.",
            "이미지를 키우고, 옛 목록은 옛 버전을 설치합니다."
        ),
        words(
            "Remove them in the step that made them: `rm -rf /var/lib/apt/lists/*`.",
            "만든 단계에서 지웁니다: `rm -rf /var/lib/apt/lists/*`."
        ),
        [threat("E3"), dockle("DKL-DI-0005")],
        |object| files(object, "caches"),
        pass["files: {}"],
        fail["files: {caches: {var/lib/apt/lists/deb.example_InRelease: 9000 bytes}}"]
    ),
];

fn devices(object: &Object) -> Outcome<'_> {
    let devices = place(object, &["files", "devices"]).node().map_or(&[][..], Node::entries);
    let others = devices.iter().filter(|entry| !EVERYWHERE.contains(&entry.key.as_str()));
    whole(object, "files", Outcome::of(others.map(|entry| Place::of(&entry.node))))
}
