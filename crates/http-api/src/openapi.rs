//! What every operation of the OpenAPI description has in common, added to all of them at once: the
//! problem's schema, the cookie and the header that are needed, and the refusals that any may meet.
//! What an operation does and refuses of its own stands at its handler.

use crate::{COOKIE_SIGN_IN, CSRF_HEADER, ProblemBody, is_public};
use http::Method;
use utoipa::openapi::info::License;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, KnownFormat, ObjectBuilder, OpenApi, Ref, RefOr, Required, Type,
};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Completes a description whose routes are all in it.
pub fn document(openapi: &mut OpenApi, version: &str) {
    openapi.info.title = "Sallyport".to_owned();
    openapi.info.version = version.to_owned();
    // What the router puts there by itself is the router's own author and licence.
    openapi.info.contact = None;
    openapi.info.license = Some(License::new("Apache-2.0"));
    openapi.info.description = Some(
        "The hub's API, as its console uses it. Every refusal is a problem (RFC 9457) whose `code` is \
         of the closed list `ProblemCode`."
            .to_owned(),
    );
    let components = openapi.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    ProblemBody::schemas(&mut schemas);
    schemas.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    components.schemas.extend(schemas);
    let cookie = ApiKeyValue::with_description(
        COOKIE_SIGN_IN,
        "Set by signing in. Secure, HttpOnly, SameSite=Strict.",
    );
    components
        .security_schemes
        .insert("sign_in".to_owned(), SecurityScheme::ApiKey(ApiKey::Cookie(cookie)).into());
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            complete(operation, &method, is_public(&method, path));
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, head, patch, .. } = item;
    [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::HEAD, head),
        (Method::PATCH, patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn complete(operation: &mut Operation, method: &Method, public: bool) {
    let mut refusals = vec![
        ("500", "A fault of the hub (internal)"),
        (
            "503",
            "The hub's store does not answer, or the hub is being stopped (store_unavailable, hub_draining)",
        ),
    ];
    let is_unsafe = !method.is_safe();
    if is_unsafe {
        refusals.push(("403", "Refused: see the code (origin_refused, csrf, …)"));
    }
    if public {
        operation.security = Some(Vec::new());
    } else {
        refusals.push((
            "401",
            "Not signed in, or no longer (not_signed_in, session_expired, session_ended)",
        ));
        refusals.push(("429", "The person asks for too much at once (too_many_attempts)"));
        operation.security = Some(vec![SecurityRequirement::new("sign_in", [] as [&str; 0])]);
        if is_unsafe {
            operation.parameters.get_or_insert_default().push(csrf_header().into());
        }
    }
    for (status, description) in refusals {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| problem(description).into());
    }
    // Handlers give a problem's body; that it is a problem by its media type is the same for all.
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            name_problems(response);
        }
    }
}

fn csrf_header() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(CSRF_HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some("The `csrf` of `GET /api/v1/me`."))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(KnownFormat::Password))),
        ))
        .build()
}

fn problem(description: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", body)
        .build()
}

fn name_problems(response: &mut Response) {
    let ours = format!("#/components/schemas/{}", ProblemBody::name());
    let is_problem = response.content.get("application/json").is_some_and(|content| {
        matches!(content, RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. })
            if schema.ref_location == ours)
    });
    if is_problem && let Some(content) = response.content.shift_remove("application/json") {
        response.content.insert("application/problem+json".to_owned(), content);
    }
}
