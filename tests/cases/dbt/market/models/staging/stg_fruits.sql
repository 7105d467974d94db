with source as (

    select * from {{ ref('fruits') }}

)

select
    id as fruit_id,
    name as fruit,
    price,
    {{ with_tax('price') }} as price_with_tax
from source
