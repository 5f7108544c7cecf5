"""People and how they sign on."""

from __future__ import annotations

import secrets
from typing import Any
from zoneinfo import available_timezones

from mongoengine.errors import NotUniqueError

from proctorhub.domain.permissions import Actor, Right, Role
from proctorhub.records import files
from proctorhub.records.base import new_id
from proctorhub.records.people import Institution, User
from proctorhub.services import images
from proctorhub.services.access import require
from proctorhub.services.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from proctorhub.services.runtime import current

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000
FIRST_LOGIN = "admin"
_CHANGEABLE = ("name", "email", "roles", "active", "time_zone")


def first_administrator() -> tuple[str, str] | None:
    """Make the first institution and administrator; None when there is one already.

    Returns (login, one-time password).
    """
    if User.objects(roles=Role.ADMIN.value).first():
        return None
    institution = Institution.objects.first() or Institution(name="My institution").save()
    password = secrets.token_urlsafe(12)
    _insert(
        institution.id,
        login=FIRST_LOGIN,
        name="Administrator",
        roles=[Role.ADMIN.value, Role.EXAM_ADMIN.value],
        password=password,
        must_change=True,
    )
    return FIRST_LOGIN, password


def reset_password(login: str) -> str | None:
    """Give an account a one-time password and return it; None when there is no such account."""
    password = secrets.token_urlsafe(12)
    changed = User.objects(login=login.strip().lower()).update_one(
        set__secret=current().authenticator.hash_secret(password), set__must_change_password=True
    )
    return password if changed else None


def sign_in(login: str, secret: str) -> Actor:
    """Return who this is. Raises Unauthenticated, saying no more than that it did not work."""
    user = User.objects(login=login.strip().lower()).first()
    stored = user.secret if user else None
    matches = current().authenticator.check_secret(secret[:LONGEST_PASSWORD], stored or "")
    if not user or not stored or not matches or not user.active:
        raise Unauthenticated("Login or password are wrong.", code="wrong_credentials")
    return _actor(user)


def actor_for(user_id: str) -> Actor | None:
    """Return the actor behind a signed-on user id; None when the account is gone or closed."""
    user = User.objects(id=user_id, active=True).first()
    return _actor(user) if user else None


def me(actor: Actor) -> dict[str, Any]:
    """Return what a person sees of the own account."""
    user = User.objects(id=actor.user_id).first()
    if user is None:
        return {
            "id": actor.user_id,
            "login": "",
            "name": actor.name,
            "roles": sorted(actor.roles),
            "institution_id": actor.institution_id,
            "time_zone": None,
            "must_change_password": False,
        }
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "roles": list(user.roles),
        "institution_id": user.institution_id,
        "time_zone": user.time_zone,
        "must_change_password": user.must_change_password,
    }


def change_password(actor: Actor, old: str, new: str) -> None:
    """Raises Invalid naming `old` or `new`."""
    user = _find(actor.institution_id, actor.user_id)
    if not current().authenticator.check_secret(old[:LONGEST_PASSWORD], user.secret or ""):
        raise Invalid("old", "The current password is wrong.")
    if old == new:
        raise Invalid("new", "The new password must differ from the current one.")
    stored = _hashed(new, "new")
    User.objects(id=user.id).update_one(set__secret=stored, set__must_change_password=False)


def create_user(
    actor: Actor,
    *,
    login: str,
    name: str,
    roles: list[str],
    password: str,
    email: str = "",
    time_zone: str | None = None,
) -> dict[str, Any]:
    """Make an account in the actor's institution. Raises Forbidden, Invalid, Conflict."""
    require(actor, Right.MANAGE_USERS)
    user = _insert(
        actor.institution_id,
        login=login,
        name=name,
        roles=roles,
        password=password,
        email=email,
        time_zone=time_zone,
    )
    return user_view(user)


def list_users(actor: Actor, role: str | None = None) -> list[dict[str, Any]]:
    """Return the accounts of the institution; exam administrators see them to choose candidates."""
    if not (actor.may(Right.MANAGE_USERS) or actor.may(Right.MANAGE_EXAMS)):
        raise Forbidden("Your account may not see the list of users.", code="forbidden")
    users = User.objects(institution_id=actor.institution_id)
    if role:
        users = users.filter(roles=role)
    return [user_view(user) for user in users.order_by("name")]


def get_user(actor: Actor, user_id: str) -> dict[str, Any]:
    """Raises Forbidden, NotFound."""
    require(actor, Right.MANAGE_USERS)
    return user_view(_find(actor.institution_id, user_id))


def update_user(actor: Actor, user_id: str, **changes: Any) -> dict[str, Any]:
    """Change name, e-mail, roles, time zone, or close the account; `password` resets it."""
    require(actor, Right.MANAGE_USERS)
    user = _find(actor.institution_id, user_id)
    values = {name: changes[name] for name in _CHANGEABLE if name in changes}
    _check(values)
    losing_admin = "roles" in values and Role.ADMIN.value not in values["roles"]
    if user_id == actor.user_id and (losing_admin or values.get("active") is False):
        raise Conflict("You cannot take away your own administration.", code="own_account")
    if changes.get("password"):
        values["secret"] = _hashed(changes["password"], "password")
        values["must_change_password"] = True
    if values:
        User.objects(id=user.id).update_one(**{f"set__{k}": v for k, v in values.items()})
    return user_view(_find(actor.institution_id, user_id))


def set_photo(actor: Actor, user_id: str, data: bytes) -> dict[str, Any]:
    """Keep the profile photograph that a proctor compares with. Raises Invalid, TooLarge."""
    require(actor, Right.MANAGE_USERS)
    user = _find(actor.institution_id, user_id)
    content_type = images.checked(data, "image")
    photo = new_id()
    files.save(photo, data, content_type=content_type, owner=user.id)
    before = user.photo
    User.objects(id=user.id).update_one(set__photo=photo)
    if before:
        files.delete(before)
    return user_view(_find(actor.institution_id, user_id))


def photo(actor: Actor, user_id: str) -> tuple[bytes, str]:
    """Return (bytes, content type) of a photograph, for staff and the person. Raises NotFound."""
    staff = any(actor.may(r) for r in (Right.PROCTOR, Right.REVIEW, Right.MANAGE_USERS))
    if not staff and actor.user_id != user_id:
        raise NotFound("photograph")
    user = _find(actor.institution_id, user_id)
    found = files.read(user.photo) if user.photo else None
    if found is None:
        raise NotFound("photograph")
    return found


def user_view(user: User) -> dict[str, Any]:
    """Return what administrators see of an account."""
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "email": user.email,
        "roles": list(user.roles),
        "active": user.active,
        "time_zone": user.time_zone,
        "has_photo": bool(user.photo),
    }


def _insert(
    institution_id: str,
    *,
    login: str,
    name: str,
    roles: list[str],
    password: str,
    email: str = "",
    time_zone: str | None = None,
    must_change: bool = False,
) -> User:
    login = login.strip().lower()
    if not login or len(login) > 200 or any(c.isspace() for c in login):
        raise Invalid("login", "A login is 1 to 200 characters without spaces.")
    _check({"name": name, "roles": roles, "email": email, "time_zone": time_zone})
    user = User(
        institution_id=institution_id,
        login=login,
        name=name.strip(),
        roles=roles,
        email=email,
        time_zone=time_zone,
        secret=_hashed(password, "password"),
        must_change_password=must_change,
    )
    try:
        return user.save(force_insert=True)
    except NotUniqueError:
        raise Conflict("This login is taken.", code="login_taken") from None


def _check(values: dict[str, Any]) -> None:
    if "name" in values and not 1 <= len((values["name"] or "").strip()) <= 200:
        raise Invalid("name", "A name is 1 to 200 characters.")
    if "email" in values and len(values["email"] or "") > 320:
        raise Invalid("email", "An e-mail address is at most 320 characters.")
    if "roles" in values:
        wrong = [role for role in values["roles"] if role not in set(Role)]
        if wrong or not values["roles"]:
            raise Invalid("roles", f"Choose from: {', '.join(Role)}.")
    if values.get("time_zone") and values["time_zone"] not in available_timezones():
        raise Invalid("time_zone", "There is no such time zone.")


def _hashed(password: str, field: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(field, f"A password has at least {SHORTEST_PASSWORD} characters.")
    return current().authenticator.hash_secret(password)


def _find(institution_id: str, user_id: str) -> User:
    user = User.objects(id=user_id, institution_id=institution_id).first()
    if user is None:
        raise NotFound("user")
    return user


def _actor(user: User) -> Actor:
    return Actor(user.id, user.name, frozenset(user.roles), user.institution_id)
