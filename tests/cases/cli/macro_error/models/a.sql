select
  {{ cents('price') }} as cents
from fruits
