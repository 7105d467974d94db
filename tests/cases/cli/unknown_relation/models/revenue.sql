select
  o.id
from ordrs as o
