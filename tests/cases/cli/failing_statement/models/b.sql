{% set zero = 0 %}
select
  id,
  upper(id) as n
from a
