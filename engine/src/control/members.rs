//! Members of an organization, their roles, and invitations (wire, appendix A).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::accounts::caller::{self, Caller};
use crate::accounts::model::{Invitation, Member, Role};
use crate::accounts::{now, roles};
use crate::clock;
use crate::control::api_keys::{read_permissions, read_time};
use crate::control::organizations::{last_owner, of_member, of_owner};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};

type Shared = State<Arc<Engine>>;

/// How long an invitation holds that says nothing, in milliseconds.
const INVITATION_HOLDS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Roles, and open invitations, that one organization may have.
const MOST: usize = 200;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/organizations/{id}/roles", get(list_roles).post(create_role))
        .route("/organizations/{id}/roles/{role_id}", put(update_role).delete(remove_role))
        .route("/organizations/{id}/users", get(list))
        .route("/organizations/{id}/users/{user_id}", delete(remove))
        .route("/organizations/{id}/users/{user_id}/access", post(set_access))
        .route("/organizations/{id}/invitations", get(list_invitations).post(invite))
        .route("/organizations/{id}/invitations/{invitation_id}", put(update_invitation))
        .route("/organizations/{id}/invitations/{invitation_id}/cancel", post(cancel))
        .route("/organizations/invitations", get(my_invitations))
        .route("/organizations/invitations/count", get(count_invitations))
        .route("/organizations/invitations/{id}/accept", post(accept))
        .route("/organizations/invitations/{id}/decline", post(decline))
}

fn assigned(engine: &Engine, organization_id: &str, ids: &[String]) -> Value {
    ids.iter().filter_map(|id| engine.accounts.role(organization_id, id)).map(|role| role.document()).collect()
}

async fn list_roles(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    of_member(&engine, &*caller::current()?, &id)?;
    let own = engine.accounts.roles.select(|role| role.organization_id.as_deref() == Some(id.as_str()));
    Ok(Json(roles::all_global().chain(own).map(|role| role.document()).collect()))
}

struct WantedRole {
    name: String,
    description: String,
    permissions: Vec<String>,
}

fn read_role(body: &[u8]) -> ApiResult<WantedRole> {
    let body = validation::object(body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name").filter(|name| !name.trim().is_empty());
    let description = fields.string("description").unwrap_or_default();
    let permissions = fields.array("permissions").cloned();
    fields.finish()?;
    let name = name.ok_or_else(|| ApiError::bad_request("name should not be empty"))?;
    let permissions = permissions.ok_or_else(|| ApiError::bad_request("permissions must be an array"))?;
    Ok(WantedRole { name, description, permissions: read_permissions(&permissions)? })
}

async fn create_role(
    State(engine): Shared,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<Value>)> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let WantedRole { name, description, permissions } = read_role(&body)?;
    if engine.accounts.roles.select(|role| role.organization_id.as_deref() == Some(id.as_str())).len() >= MOST {
        return Err(ApiError::bad_request(format!("An organization has at most {MOST} roles: delete some")));
    }
    let role = Role {
        id: uuid::Uuid::new_v4().to_string(),
        organization_id: Some(id.clone()),
        name: name.clone(),
        description,
        permissions,
        created_at: now(),
        updated_at: now(),
    };
    let same = |known: &Role| known.organization_id.as_deref() == Some(id.as_str()) && known.name == name;
    if roles::all_global().any(|known| known.name == name)
        || !engine.accounts.roles.add(&role.id, role.clone(), same)?
    {
        return Err(ApiError::conflict(format!("Role with name {name} already exists")));
    }
    Ok((StatusCode::CREATED, Json(role.document())))
}

fn own_role(engine: &Engine, organization_id: &str, id: &str) -> ApiResult<Role> {
    if roles::global(id).is_some() {
        return Err(ApiError::forbidden_because("Roles that every organization has cannot be changed"));
    }
    engine.accounts.role(organization_id, id).ok_or_else(|| ApiError::not_found(format!("Role with ID {id} not found")))
}

async fn update_role(
    State(engine): Shared,
    Path((id, role_id)): Path<(String, String)>,
    body: Bytes,
) -> ApiResult<Json<Value>> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let role = own_role(&engine, &id, &role_id)?;
    let wanted = read_role(&body)?;
    let changed = engine.accounts.roles.update(&role_id, |role| {
        role.name = wanted.name;
        role.description = wanted.description;
        role.permissions = wanted.permissions;
        role.updated_at = now();
    })?;
    Ok(Json(changed.unwrap_or(role).document()))
}

async fn remove_role(State(engine): Shared, Path((id, role_id)): Path<(String, String)>) -> ApiResult<StatusCode> {
    of_owner(&engine, &*caller::current()?, &id)?;
    own_role(&engine, &id, &role_id)?;
    engine.accounts.roles.remove(&role_id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn member_document(engine: &Engine, member: &Member) -> Value {
    let user = engine.accounts.users.get(&member.user_id);
    json!({
        "userId": member.user_id,
        "organizationId": member.organization_id,
        "name": user.as_ref().map(|user| user.name.as_str()).unwrap_or_default(),
        "email": user.as_ref().map(|user| user.email.as_str()).unwrap_or_default(),
        "role": member.role,
        "assignedRoles": assigned(engine, &member.organization_id, &member.assigned_role_ids),
        "createdAt": member.created_at,
        "updatedAt": member.updated_at,
    })
}

async fn list(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    of_member(&engine, &*caller::current()?, &id)?;
    let members = engine.accounts.members.select(|member| member.organization_id == id);
    Ok(Json(members.iter().map(|member| member_document(&engine, member)).collect()))
}

fn find(engine: &Engine, organization_id: &str, user_id: &str) -> ApiResult<Member> {
    let member = engine.accounts.member(organization_id, user_id);
    member.ok_or_else(|| ApiError::not_found(format!("User {user_id} is not a member of the organization")))
}

async fn remove(State(engine): Shared, Path((id, user_id)): Path<(String, String)>) -> ApiResult<StatusCode> {
    let organization = of_owner(&engine, &*caller::current()?, &id)?;
    let member = find(&engine, &id, &user_id)?;
    if organization.personal && organization.created_by == user_id {
        return Err(ApiError::forbidden_because("The owner of a personal organization cannot be removed"));
    }
    last_owner(&engine, &member)?;
    engine.accounts.leave(&id, &user_id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Role and assigned roles of a request.
fn read_access(engine: &Engine, organization_id: &str, fields: &mut Fields<'_>) -> ApiResult<(String, Vec<String>)> {
    let role = fields.string("role").unwrap_or_else(|| "member".to_owned());
    if !["owner", "member"].contains(&role.as_str()) {
        return Err(ApiError::bad_request("role must be one of the following values: owner, member"));
    }
    let ids = fields.array("assignedRoleIds");
    let ids = ids.map_or_else(
        || Some(vec![roles::DEFAULT.to_owned()]),
        |ids| ids.iter().map(|id| id.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>(),
    );
    let ids = ids.ok_or_else(|| ApiError::bad_request("each value in assignedRoleIds must be a string"))?;
    match ids.iter().find(|id| engine.accounts.role(organization_id, id).is_none()) {
        Some(unknown) => Err(ApiError::not_found(format!("Role with ID {unknown} not found"))),
        None => Ok((role, ids)),
    }
}

async fn set_access(
    State(engine): Shared,
    Path((id, user_id)): Path<(String, String)>,
    body: Bytes,
) -> ApiResult<Json<Value>> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let member = find(&engine, &id, &user_id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let (role, ids) = read_access(&engine, &id, &mut fields)?;
    fields.finish()?;
    if role != "owner" {
        last_owner(&engine, &member)?;
    }
    let changed = engine.accounts.members.update(&format!("{id}/{user_id}"), |member| {
        member.role = role;
        member.assigned_role_ids = ids;
        member.updated_at = now();
    })?;
    Ok(Json(member_document(&engine, &changed.unwrap_or(member))))
}

fn invitation_document(engine: &Engine, invitation: &Invitation) -> Value {
    let organization = engine.accounts.organizations.get(&invitation.organization_id);
    json!({
        "id": invitation.id,
        "email": invitation.email,
        "invitedBy": invitation.invited_by,
        "organizationId": invitation.organization_id,
        "organizationName": organization.map(|organization| organization.name).unwrap_or_default(),
        "expiresAt": invitation.expires_at,
        "status": invitation.status,
        "role": invitation.role,
        "assignedRoles": assigned(engine, &invitation.organization_id, &invitation.assigned_role_ids),
        "createdAt": invitation.created_at,
        "updatedAt": invitation.updated_at,
    })
}

fn is_open(invitation: &Invitation) -> bool {
    invitation.status == "pending" && clock::parse(&invitation.expires_at).is_some_and(|end| end > clock::now())
}

async fn list_invitations(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    of_member(&engine, &*caller::current()?, &id)?;
    let open = engine.accounts.invitations.select(|known| known.organization_id == id && is_open(known));
    Ok(Json(open.iter().map(|invitation| invitation_document(&engine, invitation)).collect()))
}

async fn invite(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    let caller = caller::current()?;
    let organization = of_owner(&engine, &caller, &id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let email = fields.string("email").map(|email| email.trim().to_lowercase());
    let expires_at = fields.string("expiresAt");
    let (role, assigned_role_ids) = read_access(&engine, &id, &mut fields)?;
    fields.finish()?;
    let email =
        email.filter(|email| email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()));
    let email = email.ok_or_else(|| ApiError::bad_request("email must be an email"))?;
    if organization.personal {
        return Err(ApiError::forbidden_because(
            "Nobody can be invited to a personal organization: create another one",
        ));
    }
    let member = |user: &crate::accounts::model::User| {
        user.email.to_lowercase() == email && engine.accounts.member(&id, &user.id).is_some()
    };
    if engine.accounts.users.any(member) {
        return Err(ApiError::conflict(format!("User with email {email} is a member already")));
    }
    if engine.accounts.invitations.select(|known| known.organization_id == id && is_open(known)).len() >= MOST {
        return Err(ApiError::bad_request(format!("At most {MOST} invitations are open at once: cancel some")));
    }
    let week = clock::iso(clock::from_millis(clock::millis(clock::now()) + INVITATION_HOLDS));
    let invitation = Invitation {
        id: uuid::Uuid::new_v4().to_string(),
        email: email.clone(),
        invited_by: caller.user_id.clone(),
        organization_id: id.clone(),
        role,
        assigned_role_ids,
        status: "pending".to_owned(),
        expires_at: expires_at.map_or(Ok(week), |text| read_time("expiresAt", &text))?,
        created_at: now(),
        updated_at: now(),
    };
    let same = |known: &Invitation| known.organization_id == id && known.email == email && is_open(known);
    match engine.accounts.invitations.add(&invitation.id, invitation.clone(), same)? {
        true => Ok((StatusCode::CREATED, Json(invitation_document(&engine, &invitation)))),
        false => Err(ApiError::conflict(format!("User with email {email} is invited already"))),
    }
}

fn open_invitation(engine: &Engine, id: &str, fits: impl Fn(&Invitation) -> bool) -> ApiResult<Invitation> {
    let found = engine.accounts.invitations.get(id).filter(|invitation| fits(invitation));
    let invitation = found.ok_or_else(|| ApiError::not_found(format!("Invitation with ID {id} not found")))?;
    match is_open(&invitation) {
        true => Ok(invitation),
        false => Err(ApiError::forbidden_because(format!("Invitation is not open any more: {}", invitation.status))),
    }
}

fn settle(engine: &Engine, invitation: Invitation, status: &str) -> ApiResult<Json<Value>> {
    let changed = engine.accounts.invitations.update(&invitation.id, |invitation| {
        invitation.status = status.to_owned();
        invitation.updated_at = now();
    })?;
    Ok(Json(invitation_document(engine, &changed.unwrap_or(invitation))))
}

async fn update_invitation(
    State(engine): Shared,
    Path((id, invitation_id)): Path<(String, String)>,
    body: Bytes,
) -> ApiResult<Json<Value>> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let invitation = open_invitation(&engine, &invitation_id, |invitation| invitation.organization_id == id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let expires_at = fields.string("expiresAt");
    let (role, ids) = read_access(&engine, &id, &mut fields)?;
    fields.finish()?;
    let expires_at = expires_at.map(|text| read_time("expiresAt", &text)).transpose()?;
    let changed = engine.accounts.invitations.update(&invitation_id, |invitation| {
        invitation.role = role;
        invitation.assigned_role_ids = ids;
        if let Some(expires_at) = expires_at {
            invitation.expires_at = expires_at;
        }
        invitation.updated_at = now();
    })?;
    Ok(Json(invitation_document(&engine, &changed.unwrap_or(invitation))))
}

async fn cancel(State(engine): Shared, Path((id, invitation_id)): Path<(String, String)>) -> ApiResult<StatusCode> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let invitation = open_invitation(&engine, &invitation_id, |invitation| invitation.organization_id == id)?;
    settle(&engine, invitation, "cancelled").map(|_| StatusCode::NO_CONTENT)
}

/// Whether an invitation is to the caller, whose address has been verified by the issuer.
fn is_to(caller: &Caller, invitation: &Invitation) -> bool {
    !caller.email.is_empty() && invitation.email == caller.email.to_lowercase()
}

fn invitations_to(engine: &Engine, caller: &Caller) -> Vec<Invitation> {
    engine.accounts.invitations.select(|invitation| is_to(caller, invitation) && is_open(invitation))
}

async fn my_invitations(State(engine): Shared) -> ApiResult<Json<Value>> {
    let mine = invitations_to(&engine, &*caller::current()?);
    Ok(Json(mine.iter().map(|invitation| invitation_document(&engine, invitation)).collect()))
}

async fn count_invitations(State(engine): Shared) -> ApiResult<Json<Value>> {
    Ok(Json(json!(invitations_to(&engine, &*caller::current()?).len())))
}

async fn accept(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let caller = caller::current()?;
    let invitation = open_invitation(&engine, &id, |invitation| is_to(&caller, invitation))?;
    let Invitation { organization_id, role, assigned_role_ids, .. } = invitation.clone();
    engine.accounts.join(&organization_id, &caller.user_id, &role, assigned_role_ids)?;
    settle(&engine, invitation, "accepted")
}

async fn decline(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let caller = caller::current()?;
    let invitation = open_invitation(&engine, &id, |invitation| is_to(&caller, invitation))?;
    settle(&engine, invitation, "declined").map(|_| StatusCode::OK)
}
