export{c3_a as a,c3_b as b,c3_c as c,c3_d as d,c3_e as e,c3_f as f,c3_g as g,c3_h as h,c3_i as i,c3_j as j,c3_k as k,c3_l as l,c3_m as m,c3_n as n}from"./run.js";
