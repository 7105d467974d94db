{% set kinds = ['revenue', 'dear_fruits'] %}
select
    day
    {%- for kind in kinds %},
    rank() over (order by {{ kind }} desc) as {{ kind }}_rank
    {%- endfor %}
from {{ ref('daily_sales') }}
