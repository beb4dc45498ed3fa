//! What signing in from a machine says, in English and Korean.
//! When it is said is known to `login`.

use crate::auth::Language;
use model::Timestamp;
use std::path::Path;

/// The words of a language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words(pub(super) Language);

impl Words {
    fn pick<T>(self, english: T, korean: T) -> T {
        match self.0 {
            Language::En => english,
            Language::Ko => korean,
        }
    }

    pub(super) fn open(self, page: &str, code: &str) -> String {
        self.pick(
            format!("Allow this machine in your browser, where the code must be {code}:\n  {page}"),
            format!("브라우저에서 이 기기를 허용하십시오. 표시된 코드가 {code}와 같아야 합니다.\n  {page}"),
        )
    }

    pub(super) fn open_by_hand(self) -> &'static str {
        self.pick(
            "No browser could be opened; open the address above in one on this machine.",
            "브라우저를 열 수 없습니다. 이 기기의 브라우저에서 위 주소를 여십시오.",
        )
    }

    pub(super) fn type_in(self, page: &str, code: &str) -> String {
        self.pick(
            format!("Open {page} in any browser and type in the code\n  {code}"),
            format!("아무 브라우저에서나 {page} 을(를) 열고 다음 코드를 입력하십시오.\n  {code}"),
        )
    }

    pub(super) fn page_allowed(self) -> &'static str {
        self.pick(
            "This machine is allowed. You can close this page and go back to your terminal.",
            "이 기기가 허용되었습니다. 이 페이지를 닫고 터미널로 돌아가십시오.",
        )
    }

    pub(super) fn denied(self) -> &'static str {
        self.pick("the machine was not allowed", "기기가 허용되지 않았습니다")
    }

    pub(super) fn too_late(self) -> &'static str {
        self.pick(
            "nobody allowed the machine in time; run `sallyport login` again",
            "제한 시간 안에 허용되지 않았습니다. `sallyport login`을 다시 실행하십시오",
        )
    }

    pub(super) fn signed_in(self, user: &str, until: Timestamp) -> String {
        self.pick(
            format!("Signed in as {user} until {until}."),
            format!("{user}(으)로 로그인했습니다. {until}까지 유효합니다."),
        )
    }

    pub(super) fn no_gateway(self) -> &'static str {
        self.pick(
            "the hub has no gateway, so there is no cluster for kubectl",
            "허브에 게이트웨이가 없어 kubectl로 접속할 클러스터가 없습니다",
        )
    }

    pub(super) fn kubeconfig(self, file: &Path, contexts: &[String]) -> String {
        let (file, contexts) = (file.display(), contexts.join("\n  "));
        self.pick(
            format!("Contexts for kubectl:\n  {contexts}\nUse them with\n  export KUBECONFIG={file}"),
            format!("kubectl 컨텍스트:\n  {contexts}\n다음과 같이 사용하십시오.\n  export KUBECONFIG={file}"),
        )
    }

    pub(super) fn signed_out(self, hub: &str) -> String {
        self.pick(
            format!("Signed out of {hub}; what was kept here is removed."),
            format!("{hub}에서 로그아웃했습니다. 이 기기에 저장된 정보를 지웠습니다."),
        )
    }

    pub(super) fn hub_not_told(self, why: &str) -> String {
        self.pick(
            format!(
                "What was kept here is removed, but the hub does not know: {why}\nSign out everywhere in its console."
            ),
            format!(
                "이 기기에 저장된 정보는 지웠지만 허브에 알리지 못했습니다: {why}\n콘솔에서 '모든 곳에서 로그아웃'을 하십시오."
            ),
        )
    }

    pub(super) fn ended(self, hub: &str) -> String {
        self.pick(
            format!("not signed in to {hub}, or not any more; run `sallyport login --hub {hub}`"),
            format!(
                "{hub}에 로그인되어 있지 않습니다. `sallyport login --hub {hub}`을(를) 실행하십시오"
            ),
        )
    }

    pub(super) fn nowhere(self) -> &'static str {
        self.pick(
            "not signed in anywhere; run `sallyport login --hub https://HUB`",
            "로그인된 허브가 없습니다. `sallyport login --hub https://HUB`을(를) 실행하십시오",
        )
    }

    pub(super) fn which(self, hubs: &str) -> String {
        self.pick(
            format!("signed in to several hubs; name one with --hub: {hubs}"),
            format!("여러 허브에 로그인되어 있습니다. --hub로 하나를 지정하십시오: {hubs}"),
        )
    }
}
