from service.errors import Conflict, Unauthenticated


class EmailTaken(Conflict):
    title = "E-mail is taken"

    def __init__(self) -> None:
        super().__init__("There is an account with this e-mail address already")


class WrongCredentials(Unauthenticated):
    title = "Wrong credentials"

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong")


class AccountGone(Unauthenticated):
    title = "Account is gone"

    def __init__(self) -> None:
        super().__init__("The account of this token no longer exists")
