use super::*;

fn request(headers: &[(&str, &str)]) -> Request {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), HeaderValue::new(*value)))
        .collect();
    Request { headers, ..Request::default() }
}

fn bearer(value: &str) -> Result<String, Reason> {
    request(&[("authorization", value)]).bearer_token().map(|token| token.expose().to_owned())
}

#[test]
fn a_bearer_token_is_read_as_the_api_server_reads_it() {
    for good in
        ["Bearer t", "bearer t", "BEARER t", "  Bearer t  ", "Bearer t more words", "\tBearer t"]
    {
        assert_eq!(bearer(good).as_deref(), Ok("t"), "{good:?}");
    }
    for (bad, reason) in [
        ("", Reason::NotPresented),
        ("  ", Reason::NotPresented),
        ("Bearer", Reason::NotBearer),
        ("Bearer ", Reason::NotBearer),
        ("Basic t", Reason::NotBearer),
        ("Bearer\tt", Reason::NotBearer),
        ("Bearer: t", Reason::NotBearer),
        ("Bearer  t", Reason::ExtraSpaceBeforeToken),
    ] {
        assert_eq!(bearer(bad), Err(reason), "{bad:?}");
    }
}

#[test]
fn of_two_authorization_headers_the_first_counts() {
    let two = request(&[("Authorization", "Bearer a"), ("AUTHORIZATION", "Bearer b")]);
    assert_eq!(two.bearer_token().unwrap().expose(), "a");
}

fn protocols(values: &[&str]) -> Result<Result<String, Reason>, Reason> {
    let mut headers = vec![("Upgrade", "WebSocket"), ("Connection", "keep-alive, UPGRADE")];
    headers.extend(values.iter().map(|value| ("Sec-Websocket-Protocol", *value)));
    let token = request(&headers).web_socket_token()?;
    Ok(token.map(|token| token.expose().to_owned()))
}

#[test]
fn a_browser_s_token_is_one_subprotocol_beside_another() {
    const TOKEN: &str = "base64url.bearer.authorization.k8s.io.dG9r";
    assert_eq!(protocols(&[&format!("v5.channel.k8s.io, {TOKEN}")]), Ok(Ok("tok".to_owned())));
    assert_eq!(protocols(&[TOKEN, "v5.channel.k8s.io"]), Ok(Ok("tok".to_owned())));
    assert_eq!(protocols(&["v5.channel.k8s.io"]), Ok(Err(Reason::NotPresented)));
    assert_eq!(protocols(&[]), Ok(Err(Reason::NotPresented)));
    assert_eq!(protocols(&[TOKEN]), Err(Reason::NoOtherProtocol));
    assert_eq!(protocols(&["x", TOKEN, TOKEN]), Err(Reason::SeveralTokenProtocols));
    assert_eq!(
        protocols(&["x", "base64url.bearer.authorization.k8s.io.dG9r="]),
        Err(Reason::TokenProtocolNotBase64)
    );
    assert_eq!(
        protocols(&["x", "base64url.bearer.authorization.k8s.io._w"]),
        Err(Reason::TokenProtocolNotUtf8)
    );
    assert_eq!(
        protocols(&["x", "base64url.bearer.authorization.k8s.io."]),
        Ok(Err(Reason::NotPresented))
    );
    // Without an upgrade it is not looked at.
    let plain = request(&[("Sec-WebSocket-Protocol", &format!("x,{TOKEN}"))]);
    assert!(matches!(plain.web_socket_token(), Ok(Err(Reason::NotWebSocket))));
}

#[test]
fn a_request_prints_no_credential() {
    let printed = format!("{:?}", request(&[("Authorization", "Bearer hunter2")]));
    assert!(!printed.contains("hunter2"), "{printed}");
}
