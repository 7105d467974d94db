{% set zero = 0 %}
select
  id,
  upper(idd) as n
from a
