select a b c
from orders wher x = 1
