from service.errors import Conflict, Unauthenticated


class EmailTaken(Conflict):
    title = "E-mail is taken"
    location = ("body", "email")

    def __init__(self) -> None:
        super().__init__("There is an account with this e-mail address already")


class WrongCredentials(Unauthenticated):
    title = "Wrong credentials"
    location = ("body", "password")

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong")
